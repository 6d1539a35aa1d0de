/** What the platform's own services (API, guard, console, recorders) have alike in their manifests. */

/** Labels of a service's objects. */
export function serviceLabels(name: string) {
  return {
    "app.kubernetes.io/name": name,
    "app.kubernetes.io/component": name,
    "app.kubernetes.io/part-of": "menagerie",
    "app.kubernetes.io/managed-by": "menagerie",
  };
}

/** Labels by which a service's pods are selected, of all stacks' in one namespace. */
export function servicePodLabels(name: string) {
  return { "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "menagerie" };
}

/** @param readyEvery - seconds between two looks at whether it is ready */
export function serviceProbes(port: number, readyEvery: number) {
  const probe = (path: string) => ({ httpGet: { path, port }, timeoutSeconds: 3 });
  return {
    startupProbe: { ...probe("/healthz"), periodSeconds: 1, failureThreshold: 60 },
    livenessProbe: { ...probe("/healthz"), periodSeconds: 10, failureThreshold: 3 },
    readinessProbe: { ...probe("/readyz"), periodSeconds: readyEvery, failureThreshold: 3 },
  };
}

/** A container that writes nowhere and gains no right. */
export const confined = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};
