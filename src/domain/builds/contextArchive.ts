/** Bytes of one Secret's value that leave room for its metadata below Kubernetes' limit of 1 MiB. */
export const partSize = 960 * 1024;

/** What a build pod unpacks at most. Sizes in bytes. */
export const contextLimits = { size: 512 * 1024 * 1024, files: 100_000 };

/** The archive in pieces that each fit into one Secret, in order. */
export function partsOf(archive: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < archive.length; at += partSize) parts.push(archive.subarray(at, at + partSize));
  return parts;
}

/** Name of a part's file, whose order is that of the parts. */
export function partName(index: number): string {
  return `part-${String(index).padStart(3, "0")}`;
}
