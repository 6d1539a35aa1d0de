import { ModelZooEntry, type ZooEntryRollout, type ZooEntryVersion } from "../../components/modelZooEntry.ts";
import { kubernetesName } from "../config/crossRules.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { inEnvironment } from "../domain/printedCommands.ts";
import { copySuffix, versionedName } from "../domain/zoo/plan.ts";
import { factsOf } from "../domain/zoo/registry.ts";
import { type SmokeCase, suiteOf } from "../domain/zoo/smoke.ts";
import type { PlatformPlan } from "../plan/platform.ts";
import type { ServedPlan, ZooModelPlan } from "../plan/zoo.ts";
import type { ImageBuilder } from "../resources/trussImage.ts";
import type { Cluster } from "./cluster.ts";
import type { EnvironmentFacts } from "./facts.ts";
import type { ModelOutput, RolloutOutput } from "./outputs.ts";
import type { Platform } from "./platform.ts";
import type { Pools } from "./pools.ts";
import type { ReleaseOfStack } from "./state.ts";

/** What zoo models are declared on. */
export interface ZooContext {
  readonly cluster: Cluster;
  /** What builds the images. */
  readonly builder: ImageBuilder;
  readonly pools: Pools;
  readonly platform: Platform | undefined;
  /** The state of the release that the models run in. @default none, and they get no environment of one */
  readonly state?: ReleaseOfStack | undefined;
}

/** The zoo's models and their rollouts, by name of the zoo model, and what they were declared as. */
export function declareZoo(spec: EnvironmentSpec, facts: EnvironmentFacts, context: ZooContext) {
  const models: Record<string, ModelOutput> = {};
  const rollouts: Record<string, RolloutOutput> = {};
  const entries: ModelZooEntry[] = [];
  for (const [name, plan] of facts.zoo) {
    const entry = declareEntry(spec, facts, context, plan);
    if (entry) entries.push(entry);
    rollouts[name] = rolloutOutput(plan, entry, context.platform !== undefined);
    for (const [model, { version, served, image, predictUrl }] of entry?.routes ?? []) {
      models[model] = {
        name: served.service,
        namespace: spec.namespace,
        kind: "zoo",
        mode: version.serving.mode,
        pool: version.serving.pool,
        truss: version.serving.truss,
        hash: version.hash,
        versionId: served.versionId,
        version: context.platform ? version.number : null,
        image,
        url: predictUrl,
      };
    }
  }
  return { models, rollouts, entries };
}

function declareEntry(
  spec: EnvironmentSpec,
  facts: EnvironmentFacts,
  { cluster, builder, pools, platform, state }: ZooContext,
  plan: ZooModelPlan,
): ModelZooEntry | undefined {
  if (plan.versions.length === 0) return undefined;
  const resources = plan.versions.flatMap(({ serving }) => pools.nodesOf(serving.pool).resources);
  const version = (each: ServedPlan): ZooEntryVersion => ({
    ...each,
    placement: pools.nodesOf(each.serving.pool).placement,
    secrets: facts.secretSources?.get(each.service),
    environment: state && (each.serving.state ? state.environment : state.shared),
    replaces: each.replaces === undefined ? undefined : versionedName(each.model, each.replaces),
    due: platform && isVersionDue(plan, each, platform.plan),
  });
  return new ModelZooEntry(
    plan.name,
    {
      kubernetesName: kubernetesName(plan.name),
      versions: plan.versions.map(version),
      target: plan.target && version(plan.target),
      rollout: platform && rolloutOf(plan, platform),
      lines: plan.lines.map((line) => inEnvironment(line, facts.environment)),
      namespace: spec.namespace,
      builder,
      gateway: spec.gateway,
      readyTimeoutSeconds: spec.serving.readyTimeoutSeconds,
      kubeContext: spec.kubeContext,
    },
    { providers: [cluster.provider], dependsOn: [...cluster.ready, ...new Set(resources), ...(state?.ready ?? [])] },
  );
}

function rolloutOf(model: ZooModelPlan, { tables, url, plan: platform }: Platform): ZooEntryRollout {
  const { rollout, hash, smoke, bake, migration, targetApps, leave } = model;
  const { target } = platform;
  const { phase, from, gates } = rollout.request;
  const tried = from !== undefined && (phase === "copy" || phase === "version" || (phase === "done" && bake.smoke));
  return {
    phase,
    from,
    hash,
    migration,
    tables,
    database: url,
    gates,
    bakeSeconds: bake.minutes * 60,
    ...(leave.length > 0 ? { leave } : {}),
    smoke: tried ? smoke : undefined,
    due: isRecordDue(model, platform),
    smokeDue: tried && smoke ? isEvidenceDue(model, smoke, platform) : undefined,
    target: targetApps && target && { ...targetApps, table: target.connection.existing, url: target.url },
  };
}

/** Whether the database says something else of the rollout than the config, such as after it was restored. */
function isRecordDue({ rollout, state }: ZooModelPlan, { basis }: PlatformPlan): true | undefined {
  const { phase, from } = rollout.request;
  const same = state.recorded?.phase === phase && state.recorded.from === from;
  return basis === "read" && !same ? true : undefined;
}

/** Whether the smoke set has no evidence that it passed, such as after a later run of it failed. */
function isEvidenceDue(
  { name, hash }: ZooModelPlan,
  smoke: readonly SmokeCase[],
  { basis, registry }: PlatformPlan,
): true | undefined {
  const suite = suiteOf(smoke);
  const has = factsOf(registry, name, hash).passed.some((each) => each.kind === "smoke" && each.suite === suite);
  return basis === "read" && !has ? true : undefined;
}

function isVersionDue(
  { state }: ZooModelPlan,
  { number, model, current }: ServedPlan,
  { basis }: PlatformPlan,
): true | undefined {
  const rows = model.endsWith(copySuffix) ? state.copies : state.registered;
  return basis === "read" && rows.find((row) => row.number === number)?.isCurrent !== current ? true : undefined;
}

function rolloutOutput(
  { name, rollout, hash, versions, target, state }: ZooModelPlan,
  entry: ModelZooEntry | undefined,
  registered: boolean,
): RolloutOutput {
  const { phase, from } = rollout.request;
  const own = target ?? versions[0];
  return {
    phase,
    hash,
    from: from ?? null,
    versionId: own ? (entry?.served.get(own.service)?.versionId ?? null) : null,
    version: own && registered ? own.number : null,
    since: entry?.since ?? null,
    versions: versions
      .filter(({ model }) => registered && model === name)
      .map(({ number, hash: content, current, service, serving, image }) => ({
        number,
        hash: content,
        isCurrent: current,
        serving: entry?.served.get(service)?.serving ?? serving,
        id: entry?.served.get(service)?.versionId ?? "",
        image: image ?? entry?.routes.get(name)?.image ?? "",
        apps: state.registered.find((row) => row.number === number)?.apps ?? 0,
      })),
  };
}
