/**
 * Name under which a stack writes fields by server-side apply. The provider's own choice is random for each create, so
 * an object whose create was interrupted, or that was made by hand and is adopted, would keep a field manager that nobody
 * speaks for any more, and the next change would conflict with it.
 */
export const fieldManager = "menagerie";

/** `metadata` of an object that a stack declares. `takeover` makes it win against other field managers. */
export function declared<Metadata extends object>(
  metadata: Metadata & { readonly annotations?: object },
  { takeover = false }: { readonly takeover?: boolean } = {},
) {
  return {
    ...metadata,
    annotations: {
      ...metadata.annotations,
      "pulumi.com/patchFieldManager": fieldManager,
      ...(takeover ? { "pulumi.com/patchForce": "true" } : {}),
    },
  };
}
