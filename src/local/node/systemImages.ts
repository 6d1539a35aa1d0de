/**
 * Digests (`sha256:<hex>`) of images that controllers name by a fixed reference without a digest, such as Tekton's
 * entrypoint. Empty until such a controller runs in the environment; the references are its flags.
 */
export const systemImages: Readonly<Record<string, string>> = {};

/** The digest that `reference` names: its own (`…@sha256:<hex>`) or the table's; undefined when it has none. */
export function digestOf(
  reference: string,
  table: Readonly<Record<string, string>> = systemImages,
): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1] ?? table[reference];
}
