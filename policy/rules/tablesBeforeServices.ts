/** A resource with those that it waits for, by urn; its parents' too. */
export interface OrderedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly waitsFor: readonly string[];
}

export const tablesBeforeServices = {
  name: "tables-before-services",
  description: "Services that use the platform's tables wait until its migrations ran.",
} as const;

/** Deployments of the platform that would start before the tables are there, a sentence each by urn. */
export function servicesBeforeTables(resources: readonly OrderedResource[]): Map<string, string> {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const tables = resources.filter(({ type }) => type.endsWith(":PlatformSchema")).map(({ urn }) => urn);
  const early = new Map<string, string>();
  if (tables.length === 0) return early;
  for (const { urn, type, name } of resources) {
    if (type !== "kubernetes:apps/v1:Deployment") continue;
    const reached = reachable(urn, byUrn);
    if (!tables.some((table) => reached.has(table))) {
      early.set(urn, `${name} does not wait for the platform's tables; pass them in dependsOn`);
    }
  }
  return early;
}

function reachable(start: string, byUrn: ReadonlyMap<string, OrderedResource>): Set<string> {
  const seen = new Set<string>();
  const open = [start];
  for (let urn = open.pop(); urn !== undefined; urn = open.pop()) {
    if (seen.has(urn)) continue;
    seen.add(urn);
    open.push(...(byUrn.get(urn)?.waitsFor ?? []));
  }
  return seen;
}
