import type { EnvironmentSpec, ZooEntrySpec } from "../config/environment.ts";
import { builtInPool } from "../config/pools.ts";
import { keyPath } from "../config/sentences.ts";
import { type GpuConsumer, type GpuSupply, gpuShortages, podsAtPeak } from "../domain/capacity/gpuDemand.ts";
import { poolNodes } from "../domain/capacity/poolNodes.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import { contentVersion } from "../domain/shadow/evidence.ts";
import { type NewModel, renamedTo } from "../domain/zoo/departures.ts";
import { describeUsers, neededVersions } from "../domain/zoo/goneImages.ts";
import type { MigrationRequest, PlannedRequest } from "../domain/zoo/migration.ts";
import { type Gate, phaseRefusal, type RolloutRequest } from "../domain/zoo/phases.ts";
import { copyName, generatedNameFits, type RegisteredVersion, versionedName } from "../domain/zoo/plan.ts";
import { emptyRegistry, factsOf, type ZooRegistry } from "../domain/zoo/registry.ts";
import {
  describeRollout,
  type PlannedVersion,
  planRollout,
  type RolloutPlan,
  type ZooState,
} from "../domain/zoo/rolloutPlan.ts";
import { declaredServing, type RecordedServing, type VersionServing } from "../domain/zoo/serving.ts";
import { shadowGate } from "../domain/zoo/shadowGate.ts";
import { digestOf, type SmokeCase, suiteOf } from "../domain/zoo/smoke.ts";
import type { TargetPair } from "../domain/zoo/targetApps.ts";
import type { PlatformPlan } from "./platform.ts";

/** A version that is declared, with how it is served. */
export interface ServedPlan extends PlannedVersion {
  /** Name of its InferenceService, or the beginning of it. */
  readonly service: string;
  /** Each InferenceService that is made gets a name of its own, and answers before the one that it replaces goes. */
  readonly renamed: boolean;
  readonly serving: VersionServing;
  /** `<url>@<digest>` where a row names it; undefined where it is built from the truss folder. */
  readonly image: string | undefined;
  /** Its image is built again, because it is not stored any more. @default false */
  readonly imageDue?: true | undefined;
  /** Whether it is served in another way than its row says. */
  readonly changes: boolean;
}

/** One zoo model, as an `up` declares it. */
export interface ZooModelPlan {
  readonly name: string;
  readonly rollout: Omit<RolloutPlan, "versions" | "target">;
  /** Answers for the model first; empty for a model that is off. */
  readonly versions: readonly ServedPlan[];
  readonly target: ServedPlan | undefined;
  readonly state: ZooState;
  /** Content that is deployed or rolled out. */
  readonly hash: string;
  /** What `copy` and `version` try, and `done` tries again. */
  readonly smoke: readonly SmokeCase[] | undefined;
  /** Apps that stay on the old version by choice. */
  readonly leave: readonly string[];
  readonly bake: { readonly minutes: number; readonly smoke: boolean };
  /** Apps that are moved; undefined in phases that move none. */
  readonly migration: PlannedRequest | undefined;
  /** The rollout's ids in the table of `menagerie:migrationTarget`, and the apps there that are moved. */
  readonly targetApps: { readonly pair: TargetPair; readonly migration: PlannedRequest | undefined } | undefined;
  /** What the `up` does, for the preview. */
  readonly lines: readonly string[];
  /** What it does not mend. */
  readonly warnings: readonly string[];
}

/** What the zoo is planned from, all of it read before. */
export interface ZooSources {
  readonly platform: PlatformPlan | undefined;
  /** Content hash by truss folder, of every folder that is read. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Names of the secrets that the truss in a folder reads. */
  readonly secretsOf: (truss: string) => readonly string[];
  /** Smoke sets by model. */
  readonly smoke: ReadonlyMap<string, readonly SmokeCase[]>;
}

/**
 * Plans what is served of each zoo model, by name. Throws one `OperatorError` with a sentence for each model whose phase cannot
 * be entered, and for each pool that cannot hold what is served side by side.
 */
export function planZoo(spec: EnvironmentSpec, sources: ZooSources): Map<string, ZooModelPlan> {
  const registry = sources.platform?.registry ?? emptyRegistry;
  const issues: Refusal[] = [];
  const plans = new Map<string, ZooModelPlan>();
  const frozen = !spec.modelZooDeploymentAutomationEnabled && sources.platform !== undefined;
  for (const [name, entry] of Object.entries(spec.zoo)) {
    const request = frozen
      ? recordedRequest(name, entry, registry, sources, spec.shadows)
      : requestOf(name, entry, sources, spec.shadows);
    const refused = frozen
      ? undefined
      : (pinRefusal(name, entry, registry, sources) ?? judged(request, registry, sources));
    if (refused) issues.push(refused);
    else plans.set(name, modelPlan(name, request, entry, spec.namespace, registry, sources, frozen));
  }
  for (const [name, { phase }] of registry.rollouts) {
    if (phase === "off" || Object.hasOwn(spec.zoo, name)) continue;
    if (frozen)
      plans.set(
        name,
        modelPlan(
          name,
          recordedRequest(name, undefined, registry, sources, spec.shadows),
          undefined,
          spec.namespace,
          registry,
          sources,
          true,
        ),
      );
    else issues.push(...removalRefusal(name, registry, newModels(spec, registry, sources)));
  }
  const served = [...plans.values()].flatMap(({ versions }) => versions);
  issues.push(
    ...unknownPools(spec, served),
    ...gpuShortages([...served.map(consumer), ...developed(spec)], supplies(spec)),
  );
  if (issues.length > 0) throw refused(issues);
  return plans;
}

/** Gates that a model's forward asks for; what else may prove a content joins here. */
function gatesOf(
  model: string,
  entry: ZooEntrySpec | undefined,
  hash: string,
  smoke: readonly SmokeCase[] | undefined,
  shadows: EnvironmentSpec["shadows"],
): Gate[] {
  const gates: Gate[] = smoke ? [{ kind: "smoke", suite: suiteOf(smoke) }] : [];
  const { deployment = "", shadow: named } = entry?.shadow ?? {};
  const { gate, compare: rules, shadows: sides } = shadows[deployment] ?? {};
  const shadow = named ?? Object.keys(sides ?? {})[0];
  if (entry && gate && rules && shadow !== undefined) {
    gates.push(shadowGate(model, { deployment, shadow, version: contentVersion(hash, entry.env), gate, rules }));
  }
  return gates;
}

function requestOf(
  model: string,
  entry: ZooEntrySpec,
  { hashes, smoke, platform }: ZooSources,
  shadows: EnvironmentSpec["shadows"],
): RolloutRequest {
  const recorded = platform?.registry.rollouts.get(model);
  const hash = needsContent(entry)
    ? (entry.hash ?? hashes.get(entry.truss))
    : (recorded?.hash ?? hashes.get(entry.truss) ?? "");
  if (hash === undefined) throw new Error(`the program was not told the hash of ${entry.truss}`);
  return {
    model,
    phase: entry.phase,
    from: entry.from,
    hash,
    gates: gatesOf(model, entry, hash, smoke.get(model), shadows),
  };
}

/** What the last `up` recorded: asked again, it changes nothing. */
function recordedRequest(
  model: string,
  entry: ZooEntrySpec | undefined,
  { rollouts }: ZooRegistry,
  { smoke }: ZooSources,
  shadows: EnvironmentSpec["shadows"],
): RolloutRequest {
  const { phase, from, hash } = rollouts.get(model) ?? { phase: "off", from: undefined, hash: "" };
  return { model, phase, from, hash, gates: gatesOf(model, entry, hash, smoke.get(model), shadows) };
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

/**
 * Whether the phase concerns the folder's content. Going back does not: everything that serves then is declared from its row, so
 * a folder that is missing or broken must not be in the way.
 */
export function needsContent({ phase }: { readonly phase?: unknown }): boolean {
  return phase !== "reverted" && phase !== "off";
}

/** The models that a phase tries or serves the content of. */
export function concernedByContent({ zoo }: Pick<EnvironmentSpec, "zoo">): EnvironmentSpec["zoo"] {
  return Object.fromEntries(Object.entries(zoo).filter(([, entry]) => needsContent(entry)));
}

/**
 * The models whose truss folders are read. A folder whose content is pinned to a registered version is not read, nor one that the
 * phase does not concern: it need not be there.
 */
export function readFromFolders(
  { zoo }: Pick<EnvironmentSpec, "zoo">,
  platform: PlatformPlan | undefined,
): EnvironmentSpec["zoo"] {
  const { registry = emptyRegistry } = platform ?? {};
  return Object.fromEntries(
    Object.entries(zoo).filter(([name, entry]) => needsContent(entry) && !pinnedRow(name, entry, registry)),
  );
}

/** The registered version whose image a pinned content comes from. */
export function pinnedRow(
  name: string,
  { hash, phase }: Pick<ZooEntrySpec, "hash" | "phase">,
  { versions }: ZooRegistry,
): RegisteredVersion | undefined {
  const rows = [...(versions.get(name) ?? []), ...(phase === "copy" ? (versions.get(copyName(name)) ?? []) : [])];
  return hash === undefined ? undefined : rows.find((row) => row.hash === hash && row.image !== undefined);
}

function modelPlan(
  name: string,
  request: RolloutRequest,
  entry: ZooEntrySpec | undefined,
  namespace: string,
  registry: ZooRegistry,
  sources: ZooSources,
  frozen: boolean,
): ZooModelPlan {
  const { versions: rows } = registry;
  const state: ZooState = {
    recorded: registry.rollouts.get(name),
    registered: rows.get(name) ?? [],
    copies: rows.get(copyName(name)) ?? [],
  };
  const { versions, target, ...rollout } = planRollout(request, state, frozen);
  const pinned = entry && pinnedRow(name, entry, registry);
  const served = (each: PlannedVersion): ServedPlan => {
    const known = each.row?.serving;
    const serving =
      (known && declaredServing(known)) ??
      (entry && servingOf(entry, pinned?.serving?.secrets ?? sources.secretsOf(entry.truss)));
    if (!serving) throw refused(refusal("zoo.serving-not-recorded", keyPath(["zoo", name]), { number: each.number }));
    const service = sources.platform ? versionedName(each.model, each.number) : name.replaceAll("_", "-");
    const own = [...state.registered, ...state.copies].find(({ id }) => id === each.versionId);
    const recorded = own?.serving;
    const image = each.row?.image ?? pinned?.image;
    return {
      ...each,
      serving,
      service,
      renamed: isRenamed(serving, recorded) && generatedNameFits(service, { namespace, mode: serving.mode }),
      image,
      ...(image === undefined && own?.unstored ? { imageDue: true } : {}),
      changes: differs(serving, recorded),
    };
  };
  const smoke = sources.smoke.get(name);
  const planned = versions.map(served);
  const lines = sources.platform
    ? describeRollout({ ...rollout, versions, target }, state, sources.platform.basis)
    : [];
  return {
    name,
    rollout,
    state,
    smoke,
    hash: request.hash,
    versions: planned,
    target: target && served(target),
    leave: entry?.leave ?? [],
    bake: entry?.bake ?? { minutes: 0, smoke: false },
    migration: migrationOf(name, rollout.migration, entry),
    targetApps: entry?.apps && {
      pair: entry.apps,
      migration: migrationOf(name, rollout.migration && { ...rollout.migration, ...entry.apps }, entry),
    },
    lines: [...lines, ...planned.filter(({ imageDue }) => imageDue).map(describeRebuilt)],
    warnings: unstoredWarnings(name, planned, registry, entry?.hash),
  };
}

function describeRebuilt({ number, serving }: ServedPlan): string {
  return `version ${number}: its image is not stored any more, and is built again from ${serving.truss}`;
}

/** Versions whose next pod cannot start, and that nothing builds again. */
function unstoredWarnings(
  name: string,
  planned: readonly ServedPlan[],
  registry: ZooRegistry,
  pinnedHash: string | undefined,
): string[] {
  const needed = neededVersions(registry).filter(({ model, row }) => model === name && row.unstored);
  return planned.flatMap(({ versionId, number, image, hash, serving }) => {
    const found = needed.find(({ row }) => row.id === versionId);
    if (!found || image === undefined) return [];
    const change =
      hash === pinnedHash
        ? `check out ${serving.truss} with that content and remove ${keyPath(["zoo", name, "hash"])}, and \`up\` builds it again`
        : "push it again, or move what uses it to another version";
    const said = { image, number, users: describeUsers(found), change };
    return [refusal("zoo.image-lost", keyPath(["zoo", name]), said).message];
  });
}

function migrationOf(
  name: string,
  planned: RolloutPlan["migration"],
  entry: ZooEntrySpec | undefined,
): MigrationRequest | undefined {
  if (!planned || planned.to === undefined) return undefined;
  const { share, revert, rowsPerSecond, paused = false } = entry ?? {};
  return { name, ...planned, to: planned.to, share, revert, rowsPerSecond, paused };
}

/** How the config says that a model is served. */
function servingOf(
  { truss, mode, pool, env, replicas, resources, state }: ZooEntrySpec,
  secrets: readonly string[],
): VersionServing {
  const serving = { truss, mode, pool, env, replicas, resources, secrets: [...secrets].sort() };
  return state ? { ...serving, state } : serving;
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

/** Key order is the database's. */
function differs(serving: VersionServing, recorded: RecordedServing | undefined): boolean {
  return recorded !== undefined && digestOf(serving) !== digestOf(declaredServing(recorded));
}

/**
 * Not where old and new would want the same GPU, nor where an earlier Menagerie made the service: that one keeps its name until
 * something replaces it.
 */
function isRenamed({ resources, mode }: VersionServing, recorded: RecordedServing | undefined): boolean {
  const keepsName = recorded !== undefined && recorded.service === undefined && recorded.mode === mode;
  return resources.gpus === 0 && !keepsName;
}

function consumer({ model, number, serving, versionId, changes }: ServedPlan): GpuConsumer {
  return {
    name: model.endsWith("_copy") ? model : `${model} version ${number}`,
    pool: serving.pool,
    gpus: serving.resources.gpus,
    pods: podsAtPeak({ ...serving, isNew: versionId === undefined, changes }),
  };
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
