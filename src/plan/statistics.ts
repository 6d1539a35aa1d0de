import type { GatewayOfStack } from "../adapters/envoyStatistics/gateways.ts";
import type { MeshConfig } from "../adapters/kubernetes/mesh.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";
import { refusal, refused } from "../domain/refusals/refusal.ts";
import { nameOfGateway, namespaceOfGateway } from "../domain/serving/route.ts";
import { inclusionRegexp, keepsCounters, type StatsMatcher } from "../domain/traffic/statistics.ts";
import { scaledModels } from "./targets.ts";

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

/** By the metric of a target, the statistic `upstream_rq_<end>` that its load is made from. */
const endOf = { concurrency: "active", rps: "completed", cpu: undefined } as const;

/**
 * Whether the gateway keeps the counters that requests are counted by: Istio has it keep few. Nothing stops without them, but requests
 * at the gateway are then missing. Answers sentences.
 *
 * @throws OperatorError where models scale by a counter that the gateway does not keep
 */
export async function checkStatistics(
  spec: Pick<EnvironmentSpec, "gateway" | "namespace" | "database" | "postgresCluster" | "zoo" | "shadows">,
  reader: StatisticsReader,
): Promise<readonly string[]> {
  const { gateway, namespace, database, postgresCluster } = spec;
  const scaled = scaledModels(spec).filter(({ metric }) => endOf[metric] !== undefined);
  const isCounted = database !== undefined || postgresCluster !== undefined;
  if (!isCounted && scaled.length === 0) return [];
  const asked = { namespace: namespaceOfGateway(gateway, namespace), name: nameOfGateway(gateway), api: gateway.api };
  const name = `${asked.namespace}/${asked.name}`;
  let matchers: readonly StatsMatcher[];
  let shared: readonly StatsMatcher[];
  try {
    const [found, configs] = await Promise.all([reader.gatewayMatchers(asked), reader.meshConfigs()]);
    if (found.length === 0) throw new Error(`Gateway ${name} has no pods`);
    matchers = found;
    shared = configs.map(({ statsMatcher }) => statsMatcher ?? {});
  } catch (error) {
    return [`not checked whether the gateway keeps the counters that requests are counted by: ${messageOf(error)}`];
  }
  const lacking = (ends?: readonly string[]) => matchers.filter((own) => !keepsWith(own, shared, ends)).length;
  const issues = scaled.flatMap(({ key, metric }) => {
    const end = endOf[metric] ?? "";
    const without = lacking([end]);
    const said = { without, pods: matchers.length, gateway: name, counter: `upstream_rq_${end}` };
    return without === 0 ? [] : [refusal("model.target-uncounted", key, { ...said, annotation: statisticsAnnotation })];
  });
  if (issues.length > 0) throw refused(issues);
  const without = isCounted ? lacking() : 0;
  if (without === 0) return [];
  return [
    `${keyPath(["gateway", "name"])}: ${without} of ${matchers.length} pods of Gateway ${name} keep no counters of their destinations, so requests at the gateway are not counted; add this annotation to the pods' template and restart them (docs/traffic.md): ${statisticsAnnotation}`,
  ];
}

/** A pod's own list takes the place of MeshConfig's of the same kind. */
function keepsWith(own: StatsMatcher, shared: readonly StatsMatcher[], ends?: readonly string[]): boolean {
  const known = Object.fromEntries(Object.entries(own).filter(([, patterns]) => patterns !== undefined));
  return [{}, ...shared].some((each) => keepsCounters({ ...each, ...known }, ends));
}
