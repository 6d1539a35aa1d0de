import type { EnvironmentSpec, ZooEntrySpec } from "../config/environment.ts";
import { recordingNeedsDatabase } from "../config/parse.ts";
import { builtInPool } from "../config/pools.ts";
import { keyPath } from "../config/sentences.ts";
import { type GpuConsumer, type GpuSupply, gpuShortages, podsAtPeak } from "../domain/capacity/gpuDemand.ts";
import { poolNodes } from "../domain/capacity/poolNodes.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import { type NewModel, renamedTo } from "../domain/zoo/departures.ts";
import { phaseRefusal, type RolloutRequest, underWay } from "../domain/zoo/phases.ts";
import { emptyRegistry, factsOf, type ZooRegistry } from "../domain/zoo/registry.ts";
import { sleeps } from "../domain/zoo/serving.ts";
import { needsContent, pinnedRow } from "./content.ts";
import { planZooModel, requestOf, type ServedPlan, type ZooModelPlan, type ZooSources } from "./zooModel.ts";

/**
 * Plans what is served of each zoo model, by name. Throws one `OperatorError` with a sentence for each model whose phase cannot
 * be entered, and for each pool that cannot hold what is served side by side.
 */
export function planZoo(spec: EnvironmentSpec, sources: ZooSources): Map<string, ZooModelPlan> {
  const registry = sources.platform?.registry ?? emptyRegistry;
  const issues: Refusal[] = [];
  const plans = new Map<string, ZooModelPlan>();
  const frozen = !spec.modelZooDeploymentAutomationEnabled && sources.platform !== undefined;
  const setting = { sources, frozen, namespace: spec.namespace, shadows: spec.shadows };
  for (const [name, entry] of Object.entries(spec.zoo)) {
    const request = requestOf(name, entry, setting);
    if (entry.recording && !sources.platform) issues.push(recordingNeedsDatabase(name, spec.nodeClass));
    const refused = frozen
      ? undefined
      : (pinRefusal(name, entry, registry, sources) ?? judged(request, registry, sources));
    if (refused) issues.push(refused);
    else plans.set(name, planZooModel(request, entry, setting));
  }
  for (const [name, { phase }] of registry.rollouts) {
    if (phase === "off" || Object.hasOwn(spec.zoo, name)) continue;
    if (frozen) plans.set(name, planZooModel(requestOf(name, undefined, setting), undefined, setting));
    else issues.push(...removalRefusal(name, registry, newModels(spec, registry, sources)));
  }
  const served = [...plans.values()].flatMap(({ versions }) => versions);
  const consumers = [...plans.values()].flatMap((plan) => plan.versions.map((version) => consumer(version, plan)));
  issues.push(
    ...unknownPools(spec, served),
    ...(sources.platform ? [] : unwoken(served)),
    ...gpuShortages([...consumers, ...removedLast(plans, registry), ...developed(spec)], supplies(spec)),
  );
  if (issues.length > 0) throw refused(issues);
  return plans;
}

function judged(request: RolloutRequest, registry: ZooRegistry, { platform }: ZooSources): Refusal | undefined {
  if (!platform) {
    return request.from === undefined
      ? undefined
      : refusal("zoo.rollout-without-database", keyPath(["zoo", request.model, "from"]), {
          database: keyPath(["database"]),
        });
  }
  // What is not known is not judged: the `up` judges it in its own transaction.
  if (platform.basis === "not checked") return undefined;
  return phaseRefusal(request, factsOf(registry, request.model, request.hash));
}

/** A pinned content is that of a registered version, or of the folder. */
function pinRefusal(
  name: string,
  entry: ZooEntrySpec,
  registry: ZooRegistry,
  { hashes }: ZooSources,
): Refusal | undefined {
  if (entry.hash === undefined || !needsContent(entry) || pinnedRow(name, entry, registry)) return undefined;
  const found = hashes.get(entry.truss);
  if (found === entry.hash) return undefined;
  const lost = (registry.versions.get(name) ?? []).find(({ hash, goneImage }) => hash === entry.hash && goneImage);
  const at = keyPath(["zoo", name, "hash"]);
  const values = { folder: entry.truss, found: found?.slice(0, 12) ?? "none" };
  if (lost)
    return refusal("zoo.image-gone", at, { ...values, image: lost.goneImage ?? "", number: String(lost.number) });
  return refusal("zoo.hash-unknown", at, { ...values, model: name, hash: entry.hash.slice(0, 12) });
}

/** Models of the config that no `up` has recorded. */
function newModels(
  { zoo }: Pick<EnvironmentSpec, "zoo">,
  { rollouts }: ZooRegistry,
  { hashes }: ZooSources,
): NewModel[] {
  return Object.entries(zoo)
    .filter(([name]) => !rollouts.has(name))
    .map(([name, { truss }]) => ({ name, truss, hash: hashes.get(truss) }));
}

function removalRefusal(name: string, { versions, rollouts }: ZooRegistry, arrived: readonly NewModel[]): Refusal[] {
  const phase = rollouts.get(name)?.phase;
  const apps = (versions.get(name) ?? []).reduce((sum, row) => sum + row.apps, 0);
  const at = keyPath(["zoo", name]);
  if (apps > 0) {
    const point = apps === 1 ? "1 app points" : `${apps} apps point`;
    const { hash, serving } = (versions.get(name) ?? []).find(({ isCurrent }) => isCurrent) ?? {};
    const renamed = renamedTo({ truss: serving?.truss ?? "", hash: hash ?? "" }, arrived);
    if (!renamed) return [refusal("zoo.removed-in-use", at, { point })];
    return [refusal("zoo.renamed-in-use", at, { point, model: name, to: renamed.name })];
  }
  if (phase === "off" || phase === "done" || phase === "reverted") return [];
  return phase === "version" && rollouts.get(name)?.from === undefined
    ? []
    : [refusal("zoo.removed-under-way", at, { phase: phase ?? "" })];
}

function unknownPools({ pools }: EnvironmentSpec, served: readonly ServedPlan[]): Refusal[] {
  return served
    .filter(({ serving: { pool } }) => pool !== builtInPool && !Object.hasOwn(pools, pool))
    .map(({ model, number, serving }) =>
      refusal("pool.still-used", keyPath(["pools", serving.pool]), { number, model }),
    );
}

/** A stack without a database has no API service. */
function unwoken(served: readonly ServedPlan[]): Refusal[] {
  const change = `set ${keyPath(["database"])}, with which the stack has the service`;
  return served
    .filter(({ serving }) => sleeps(serving))
    .map(({ model }) =>
      refusal("model.sleep-without-services", keyPath(["zoo", model, "replicas", "min"]), { change }),
    );
}

/** Both versions of a rollout keep their place until it is done, though one of them, or both, may sleep meanwhile. */
function consumer(
  { model, number, serving, versionId, changes, keptPods = 0 }: ServedPlan,
  { rollout }: ZooModelPlan,
): GpuConsumer {
  const { from, phase } = rollout.request;
  const isKept = from !== undefined && underWay.includes(phase);
  const replicas = { min: sleeps(serving) && isKept ? 1 : Math.max(serving.replicas.min, keptPods) };
  return {
    name: model.endsWith("_copy") ? model : `${model} version ${number}`,
    pool: serving.pool,
    gpus: serving.resources.gpus,
    pods: podsAtPeak({ ...serving, replicas, isNew: versionId === undefined, changes }),
  };
}

/**
 * Models that the `up` removes, in the pools to which something new comes: the engine deletes after all else, and where a new pod finds no
 * place until then, it never gets there.
 */
function removedLast(plans: ReadonlyMap<string, ZooModelPlan>, registry: ZooRegistry): GpuConsumer[] {
  const served = [...plans.values()].flatMap(({ versions }) => versions);
  const filled = new Set(served.filter(({ versionId }) => versionId === undefined).map(({ serving }) => serving.pool));
  return [...registry.rollouts]
    .filter(([name, { phase }]) => phase !== "off" && !plans.get(name)?.versions.length)
    .flatMap(([name]) =>
      (registry.versions.get(name) ?? []).flatMap(({ isCurrent, number, serving }) =>
        isCurrent && serving && filled.has(serving.pool)
          ? [
              {
                name: `${name} version ${number}, which is removed last,`,
                pool: serving.pool,
                gpus: serving.resources.gpus,
                pods: serving.replicas.min,
              },
            ]
          : [],
      ),
    );
}

/** Development versions, one pod each. */
function developed({ development }: EnvironmentSpec): GpuConsumer[] {
  return Object.entries(development).map(([name, { pool, resources }]) => ({
    name,
    pool,
    gpus: resources.gpus,
    pods: 1,
  }));
}

function supplies({ pools }: EnvironmentSpec): Map<string, GpuSupply> {
  return new Map(
    Object.entries(pools).map(([name, pool]) => [
      name,
      {
        ...poolNodes(pool),
        key: keyPath(["pools", name, ...(pool.replicas === undefined ? ["limits", "gpus"] : ["replicas"])]),
      },
    ]),
  );
}
