/** A name as a sample has it may be anything; this is one part of a path, and no way out of its folder. */
export function folderOf(name: string): string {
  return /^[A-Za-z0-9_][\w.-]*$/.test(name) ? name : encodeURIComponent(name).replaceAll(".", "%2E");
}

/** Where a project keeps the samples of what is recorded under a name, relative to Pulumi.yaml. */
export function sampleFolder(name: string): string {
  return `samples/${folderOf(name)}`;
}
