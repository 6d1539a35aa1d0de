/** Metadata of an object that belongs to the platform rather than to a model of it. */
export function platformMetadata(name: string, namespace: string) {
  const labels = { "app.kubernetes.io/part-of": "menagerie", "app.kubernetes.io/managed-by": "menagerie" };
  return { name, namespace, labels };
}
