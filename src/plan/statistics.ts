import type { GatewayOfStack } from "../adapters/envoyStatistics/gateways.ts";
import type { MeshConfig } from "../adapters/kubernetes/mesh.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";
import { nameOfGateway, namespaceOfGateway } from "../domain/serving/route.ts";
import { inclusionRegexp, keepsCounters, type StatsMatcher } from "../domain/traffic/statistics.ts";

/** What a stack asks its cluster about the statistics of its gateway. */
export interface StatisticsReader {
  /** What each of the gateway's pods says itself, see `readGatewayMatchers`. */
  readonly gatewayMatchers: (gateway: GatewayOfStack) => Promise<readonly StatsMatcher[]>;
  readonly meshConfigs: () => Promise<readonly MeshConfig[]>;
}

/** A reader for an embedded environment, whose gateway is a process that only MeshConfig tells. */
export function withEmbeddedStatistics(reader: StatisticsReader): StatisticsReader {
  return { ...reader, gatewayMatchers: async () => [{}] };
}

/** The annotation by which a gateway's pods keep what counts are made from, as it stands in YAML. */
export const statisticsAnnotation = `proxy.istio.io/config: '${JSON.stringify({
  proxyStatsMatcher: { inclusionRegexps: [inclusionRegexp] },
})}'`;

/**
 * Whether the gateway keeps the counters that requests are counted by: Istio has it keep few. Nothing stops without them, but requests
 * at the gateway are then missing. Answers sentences.
 */
export async function checkStatistics(
  {
    gateway,
    namespace,
    database,
    postgresCluster,
  }: Pick<EnvironmentSpec, "gateway" | "namespace" | "database" | "postgresCluster">,
  reader: StatisticsReader,
): Promise<readonly string[]> {
  // Nobody counts.
  if (!database && !postgresCluster) return [];
  const key = keyPath(["gateway", "name"]);
  try {
    const asked = { namespace: namespaceOfGateway(gateway, namespace), name: nameOfGateway(gateway), api: gateway.api };
    const [matchers, configs] = await Promise.all([reader.gatewayMatchers(asked), reader.meshConfigs()]);
    if (matchers.length === 0) throw new Error(`Gateway ${asked.namespace}/${asked.name} has no pods`);
    const shared = configs.map(({ statsMatcher }) => statsMatcher ?? {});
    const without = matchers.filter((own) => !keepsWith(own, shared));
    if (without.length === 0) return [];
    return [
      `${key}: ${without.length} of ${matchers.length} pods of Gateway ${asked.namespace}/${asked.name} keep no counters of their destinations, so requests at the gateway are not counted; add this annotation to the pods' template and restart them (docs/traffic.md): ${statisticsAnnotation}`,
    ];
  } catch (error) {
    return [`not checked whether the gateway keeps the counters that requests are counted by: ${messageOf(error)}`];
  }
}

/** A pod's own list takes the place of MeshConfig's of the same kind. */
function keepsWith(own: StatsMatcher, shared: readonly StatsMatcher[]): boolean {
  const known = Object.fromEntries(Object.entries(own).filter(([, patterns]) => patterns !== undefined));
  return [{}, ...shared].some((each) => keepsCounters({ ...each, ...known }));
}
