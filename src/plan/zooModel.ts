import type { EnvironmentSpec, ZooEntrySpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { type DeclaredJudge, describeJudge, usualMismatch, usualWarmup } from "../domain/judgement/declared.ts";
import {
  describePaused,
  describeRecorded,
  type ModelRecording,
  type RecordingSettings,
  recordingSchema,
} from "../domain/recording/settings.ts";
import { refusal, refused } from "../domain/refusals/refusal.ts";
import { contentVersion } from "../domain/shadow/evidence.ts";
import { effects } from "../domain/zoo/effects.ts";
import { describeUsers, neededVersions } from "../domain/zoo/goneImages.ts";
import type { MigrationRequest, PlannedRequest } from "../domain/zoo/migration.ts";
import { describePathChange } from "../domain/zoo/pathChange.ts";
import { type Gate, type RolloutRequest, underWay } from "../domain/zoo/phases.ts";
import { copyName, copySuffix, generatedNameFits, kubernetesName, versionedName } from "../domain/zoo/plan.ts";
import { proofGate } from "../domain/zoo/proofGate.ts";
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
import { afterTakeBack, describeTakeBack, type TakenBack, takenBackContent } from "../domain/zoo/takeBack.ts";
import type { TargetPair } from "../domain/zoo/targetApps.ts";
import type { PlannedSplit } from "../domain/zoo/traffic.ts";
import { describeSplit, splitOf } from "../domain/zoo/trafficPlan.ts";
import { given } from "../environment/given.ts";
import { needsContent, pinnedRow } from "./content.ts";
import type { PlatformPlan } from "./platform.ts";
import { proofBounds } from "./proofBounds.ts";

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
  /** Paths of its own that its apps have. @default none */
  readonly paths?: readonly string[] | undefined;
  /** How its requests are recorded. @default they go straight to it */
  readonly recording?: RecordingSettings | undefined;
  /** Whether it is served in another way than its row says. */
  readonly changes: boolean;
  /** Its row has to be written again, for the database says something else. @default false */
  readonly due?: true | undefined;
  /** Pods that it keeps while a rollout leaves it, where these are more than its least. @default its least */
  readonly keptPods?: number | undefined;
  /** Service whose place it takes. */
  readonly takesPlaceOf: string | undefined;
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
  /** The phase has to be recorded again, for the database says another. @default false */
  readonly due?: true | undefined;
  /** Smoke set that the rolled-out version has to pass in this phase. */
  readonly smoke: readonly SmokeCase[] | undefined;
  /** The set has to be tried again, for there is no evidence that it passed. @default false */
  readonly smokeDue?: true | undefined;
  /** Its rollout, where a guard took it back: nothing of it goes forward. @default it is not */
  readonly takenBack?: TakenBack | undefined;
  /** Its last take-back, where an operator called that a false alarm. @default none */
  readonly resumed?: { readonly id: string; readonly at: Date } | undefined;
  /** Apps that stay on the old version by choice. */
  readonly leave: readonly string[];
  readonly bake: { readonly minutes: number; readonly smoke: boolean };
  /** How the model's own requests are divided between the two versions; undefined where they are not. */
  readonly traffic: TrafficPlan | undefined;
  /** Apps that are moved; undefined in phases that move none. */
  readonly migration: PlannedRequest | undefined;
  /** The rollout's ids in the table of `menagerie:migrationTarget`, and the apps there that are moved. */
  readonly targetApps: { readonly pair: TargetPair; readonly migration: PlannedRequest | undefined } | undefined;
  /** How the model is recorded; undefined where nothing of it is kept. */
  readonly recording: ModelRecording | undefined;
  /** What the rollout is judged by; undefined where nobody judges. */
  readonly judge: DeclaredJudge | undefined;
  /** Pods that the old version keeps until the rollout is done. @default its usual ones */
  readonly keptPods?: number | undefined;
  /** What the `up` does, for the preview. */
  readonly lines: readonly string[];
  /** What it does not mend. */
  readonly warnings: readonly string[];
}

/** A weight, and what it is planned from. */
export interface TrafficPlan extends PlannedSplit {
  readonly old: ServedPlan;
  readonly new: ServedPlan;
  /** Generation of the row that was read; undefined where there was none. */
  readonly expected: number | undefined;
  /** The row says something else. @default false */
  readonly due?: true | undefined;
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
  /** SHA-256 of the samples of models whose rollouts ask for a proof. @default none */
  readonly proofSamples?: ReadonlyMap<string, readonly string[]> | undefined;
}

/** What the plan of a model depends on beside its own entry. */
export interface ZooSetting extends Pick<EnvironmentSpec, "namespace" | "shadows"> {
  readonly sources: ZooSources;
  /** Whether the automation is off, so that everything stays as it was recorded. */
  readonly frozen: boolean;
}

/** Gates that a model's forward asks for; what else may prove a content joins here. */
function gatesOf(
  model: string,
  entry: ZooEntrySpec | undefined,
  hash: string,
  { sources, shadows }: Pick<ZooSetting, "sources" | "shadows">,
): Gate[] {
  const smoke = sources.smoke.get(model);
  const gates: Gate[] = smoke ? [{ kind: "smoke", suite: suiteOf(smoke) }] : [];
  const { deployment = "", shadow: named } = entry?.shadow ?? {};
  const { gate, compare: rules, shadows: sides } = shadows[deployment] ?? {};
  const shadow = named ?? Object.keys(sides ?? {})[0];
  if (entry && gate && rules && shadow !== undefined) {
    gates.push(shadowGate(model, { deployment, shadow, version: contentVersion(hash, entry.env), gate, rules }));
  }
  const samples = sources.proofSamples?.get(model);
  const old = sources.platform?.registry.versions.get(model)?.find(({ id }) => id === entry?.from);
  if (entry?.proof && samples && old) {
    const sides = { old: contentVersion(old.hash, old.serving?.env ?? {}), new: contentVersion(hash, entry.env) };
    gates.push(proofGate({ ...sides, samples, bounds: proofBounds(entry, shadows) }));
  }
  return gates;
}

/** What a model's entry asks for; of a frozen zoo, what the last `up` recorded, which changes nothing when it is asked again. */
export function requestOf(model: string, entry: ZooEntrySpec | undefined, setting: ZooSetting): RolloutRequest {
  const { frozen, sources } = setting;
  const { hashes, platform } = sources;
  const recorded = platform?.registry.rollouts.get(model);
  if (frozen || !entry) {
    const { phase, from, hash, traffic } = recorded ?? { phase: "off", from: undefined, hash: "" };
    const split = traffic && splitOf(phase, { traffic: traffic.askedWeight ?? traffic.weight }, traffic);
    const gates = gatesOf(model, entry, hash, setting);
    const { control = 0, sticky } = traffic ?? {};
    return { model, phase, from, hash, gates, traffic: split && { ...split, control, sticky } };
  }
  const hash = needsContent(entry)
    ? (entry.hash ?? hashes.get(entry.truss))
    : (recorded?.hash ?? hashes.get(entry.truss) ?? "");
  if (hash === undefined) throw new Error(`the program was not told the hash of ${entry.truss}`);
  const taken = takenBackOf({ model, from: entry.from }, { recorded }, platform?.registry ?? emptyRegistry);
  // Where the database was not read, who set the traffic last is all that is known.
  const isTakenBack = platform?.basis === "read" ? taken !== undefined : undefined;
  return {
    model,
    phase: entry.phase,
    from: entry.from,
    hash,
    gates: gatesOf(model, entry, hash, setting),
    traffic: entry.from === undefined ? undefined : splitOf(entry.phase, entry, recorded?.traffic, isTakenBack),
  };
}

/**
 * Plans one model, whose request must have been judged.
 * @param entry - undefined for a model that only the database knows
 */
export function planZooModel(
  request: RolloutRequest,
  entry: ZooEntrySpec | undefined,
  { sources, frozen, namespace, shadows }: ZooSetting,
): ZooModelPlan {
  const { model: name } = request;
  const { platform } = sources;
  const registry = platform?.registry ?? emptyRegistry;
  const { versions: rows } = registry;
  const state: ZooState = {
    recorded: registry.rollouts.get(name),
    registered: rows.get(name) ?? [],
    copies: rows.get(copyName(name)) ?? [],
  };
  const takenBack = takenBackOf(request, state, registry);
  const { versions, target, ...rollout } = planRollout(request, state, frozen);
  const keptPods = keptPodsOf(request, state, platform?.readyPods);
  const recording = entry ? entry.recording : recordingOf(state.registered);
  const pinned = entry && pinnedRow(name, entry, registry);
  const served = (each: PlannedVersion): ServedPlan => {
    const known = each.row?.serving;
    const serving =
      (known && declaredServing(known)) ??
      (entry && servingOf(entry, pinned?.serving?.secrets ?? sources.secretsOf(entry.truss)));
    if (!serving) throw refused(refusal("zoo.serving-not-recorded", keyPath(["zoo", name]), { number: each.number }));
    const service = platform ? versionedName(each.model, each.number) : kubernetesName(name);
    const own = [...state.registered, ...state.copies].find(({ id }) => id === each.versionId);
    const recorded = own?.serving;
    const image = each.row?.image ?? pinned?.image;
    return {
      ...each,
      serving,
      service,
      // Apps stay on a version that is declared from its row, so it keeps its paths whatever the config says by now.
      paths: each.row ? known?.paths : entry?.paths,
      // What reaches a copy without a mirror are trials, which are not evidence of what users send.
      recording:
        recording?.paused || (each.model !== name && entry?.mirror === undefined) ? undefined : settingsOf(recording),
      renamed: isRenamed(serving, recorded) && generatedNameFits(service, { namespace, mode: serving.mode }),
      image,
      ...(image === undefined && own?.unstored ? { imageDue: true } : {}),
      changes: differs(serving, recorded),
      ...(keptPods !== undefined && each.versionId === request.from && each.model === name ? { keptPods } : {}),
      takesPlaceOf: each.replaces && versionedName(each.replaces.model, each.replaces.number),
      ...(platform?.basis === "read" && isOtherwise(each, state) ? { due: true } : {}),
    };
  };
  const judge = entry && judgeOf(name, entry, shadows);
  const bake = entry?.bake ?? { minutes: 0, smoke: false };
  const smoke = triedIn(request, bake) ? sources.smoke.get(name) : undefined;
  const planned = versions.map(served);
  const lines = platform ? describeRollout({ ...rollout, versions, target }, state, platform.basis) : [];
  const isRead = platform?.basis === "read";
  const traffic = trafficOf(request, state, planned);
  const moved = migrationOf(name, rollout.migration, entry);
  return {
    name,
    rollout,
    traffic,
    state,
    smoke,
    hash: request.hash,
    versions: planned,
    target: target && served(target),
    ...given({ takenBack, resumed: resumedOf(request, state, registry) }),
    leave: entry?.leave ?? [],
    bake,
    ...(isRead && !isRecorded(request, state) ? { due: true } : {}),
    ...(isRead && smoke && !hasPassed(smoke, request, registry) ? { smokeDue: true } : {}),
    migration: moved && { ...moved, ...given({ expected: traffic?.expected }) },
    targetApps: entry?.apps && {
      pair: entry.apps,
      migration: migrationOf(name, rollout.migration && { ...rollout.migration, ...entry.apps }, entry),
    },
    recording,
    judge,
    ...given({ keptPods }),
    lines: [
      ...(takenBack ? [tellTakenBack(takenBack, request)] : []),
      ...lines,
      ...planned.filter(({ imageDue }) => imageDue).map(describeRebuilt),
      ...planned.flatMap((each) => describeRecording(each, state)),
      ...describeMove(request, planned),
      ...planned.flatMap(describeKept),
      ...(traffic ? [describeSplit(traffic, state.recorded?.traffic, appsOf(request, entry))] : []),
      ...(judge && request.from !== undefined && underWay.includes(request.phase) ? [describeJudge(judge)] : []),
      ...(recording?.paused ? [describePaused(recording)] : []),
    ],
    warnings: unstoredWarnings(name, planned, registry, entry?.hash),
  };
}

function judgeOf(
  name: string,
  { judge, shadow, by, recording }: ZooEntrySpec,
  shadows: EnvironmentSpec["shadows"],
): DeclaredJudge | undefined {
  if (!judge) return undefined;
  const { maxMismatch, compare, warmupSeconds = usualWarmup, ...settings } = judge;
  if (settings.control === 0) return given(settings);
  const isRecorded = by === undefined && recording?.paused === false && recording.sample === 100;
  const rules = compare ?? (shadow && shadows[shadow.deployment]?.compare);
  return given({
    ...settings,
    maxMismatch: maxMismatch ?? usualMismatch,
    compare: rules,
    users: by === undefined ? undefined : true,
    recorded: isRecorded || undefined,
    warmupSeconds: settings.maxLatencyRatio && warmupSeconds,
    recordedIn: recordingSchema(name),
  });
}

/** Of a rollout that is under way, or on its way back. */
function takenBackOf(
  { model, from }: Pick<RolloutRequest, "model" | "from">,
  { recorded }: Pick<ZooState, "recorded">,
  { takenBack = [] }: ZooRegistry,
): TakenBack | undefined {
  if (from === undefined || recorded?.from !== from || !underWay.includes(recorded.phase)) return undefined;
  return takenBackContent(takenBack, { model, from, hash: recorded.hash });
}

function resumedOf(
  { model, from }: Pick<RolloutRequest, "model" | "from">,
  { recorded }: Pick<ZooState, "recorded">,
  { resumed = [] }: ZooRegistry,
): ZooModelPlan["resumed"] {
  return resumed.find((each) => each.model === model && each.from === from && each.hash === recorded?.hash);
}

function tellTakenBack(taken: TakenBack, { phase }: RolloutRequest): string {
  const state = describeTakeBack(taken, new Date());
  return phase === "reverted" ? state : `${state}; ${afterTakeBack(taken)}`;
}

/**
 * Pods that the old version keeps until its rollout is done: those that it had when the first requests left it. One that sleeps is woken by whoever goes
 * back to it, and Knative's autoscaler makes pods by requests, for a new least would be a new revision.
 */
function keptPodsOf(
  { model, phase, from, hash }: RolloutRequest,
  { recorded, registered }: ZooState,
  readyPods: PlatformPlan["readyPods"],
): number | undefined {
  const old = registered.find(({ id }) => id === from);
  if (!old?.serving || !underWay.includes(phase)) return undefined;
  if (recorded?.from === from && recorded?.hash === hash && underWay.includes(recorded.phase)) return recorded.keptPods;
  const { mode, replicas, service = versionedName(model, old.number) } = old.serving;
  if (mode !== "Standard" || replicas.min === 0) return undefined;
  const kept = Math.min(readyPods?.get(service) ?? 0, replicas.max);
  return kept > replicas.min ? kept : undefined;
}

function describeKept({ number, keptPods }: ServedPlan): string[] {
  return keptPods === undefined ? [] : [`version ${number} keeps ${keptPods} pods until the rollout is done`];
}

/** As rows have it, for a model that only the database knows. */
function recordingOf(rows: ZooState["registered"]): ModelRecording | undefined {
  const recorded = rows.find(({ serving }) => serving?.recording)?.serving?.recording;
  return recorded && { ...recorded, paused: false };
}

function settingsOf(recording: ModelRecording | undefined): RecordingSettings | undefined {
  if (!recording) return undefined;
  const { sample, bodies, retentionDays, redact } = recording;
  return { sample, bodies, retentionDays, redact };
}

function describeRecording(
  { model, number, recording, serving, versionId }: ServedPlan,
  { registered }: ZooState,
): string[] {
  const was = registered.find(({ id }) => id === versionId)?.serving?.recording;
  const what = model.endsWith(copySuffix) ? model : `version ${number}`;
  if (recording) return [`${what} is recorded: ${describeRecorded(recording, serving.replicas)}`];
  return was ? [`version ${number} is not recorded any more`] : [];
}

/** The two versions that requests are divided between; `planned` serves both while the rollout is under way. */
function trafficOf(
  { traffic, from, hash, model, phase }: RolloutRequest,
  { recorded }: ZooState,
  planned: readonly ServedPlan[],
): TrafficPlan | undefined {
  const old = planned.find(({ versionId }) => versionId === from);
  const fresh = planned.find((each) => each.hash === hash && (each.model === model || phase === "copy"));
  if (!traffic || !old || !fresh) return undefined;
  const stored = recorded?.traffic;
  const { weight, control, sticky, asked } = traffic;
  const isSame =
    stored?.isOfRollout && stored.weight === weight && stored.control === control && stored.sticky === sticky;
  return {
    weight,
    control,
    sticky,
    asked,
    old,
    new: fresh,
    expected: stored?.generation,
    ...(stored?.generation !== undefined && !isSame ? { due: true } : {}),
  };
}

/** What becomes of apps beside the requests to the model's own route. */
function appsOf({ phase }: RolloutRequest, entry: ZooEntrySpec | undefined): string {
  if (phase === "version") return "apps stay";
  if (phase === "bake") return "all apps have moved";
  return `share: ${entry?.share ?? 100} % of the organizations' apps${entry?.paused ? ", paused" : ""}`;
}

/** What moving apps changes for those who ask them by paths of the model's own. */
function describeMove({ phase, from }: RolloutRequest, planned: readonly ServedPlan[]): string[] {
  const old = planned.find(({ versionId }) => versionId === from);
  const target = planned.find((each) => each !== old && each.model === old?.model && each.current !== old.current);
  if (from === undefined || !old || !target) return [];
  if (phase === "forward") return describePathChange(old, target);
  return phase === "reverted" ? describePathChange(target, old) : [];
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
  { truss, mode, pool, env, replicas, resources, state, maxTokens }: ZooEntrySpec,
  secrets: readonly string[],
): VersionServing {
  const serving = { truss, mode, pool, env, replicas, resources, secrets: [...secrets].sort() };
  const stated = state ? { ...serving, state } : serving;
  return maxTokens === undefined ? stated : { ...stated, maxTokens };
}

/** Key order is the database's. What is reserved for tokens concerns no pod. */
function differs({ maxTokens: _, ...serving }: VersionServing, recorded: RecordedServing | undefined): boolean {
  if (recorded === undefined) return false;
  const { maxTokens: __, ...before } = declaredServing(recorded);
  return digestOf(serving) !== digestOf(before);
}

/**
 * Not where old and new would want the same GPU, nor where an earlier Menagerie made the service: that one keeps its name until
 * something replaces it.
 */
function isRenamed({ resources, mode }: VersionServing, recorded: RecordedServing | undefined): boolean {
  const keepsName = recorded !== undefined && recorded.service === undefined && recorded.mode === mode;
  return resources.gpus === 0 && !keepsName;
}

/** The phases of a rollout that try the smoke set: before the first requests reach the content, and before the old one goes. */
function triedIn({ phase, from }: RolloutRequest, bake: ZooEntrySpec["bake"]): boolean {
  const { evidence } = effects[phase];
  return from !== undefined && (evidence === "tried" || (evidence === "tried again" && bake.smoke));
}

/** Unlike after a database was restored. */
function isRecorded({ phase, from }: RolloutRequest, { recorded }: ZooState): boolean {
  return recorded?.phase === phase && recorded.from === from;
}

/** Unlike after a later run of it failed. */
function hasPassed(smoke: readonly SmokeCase[], { model, hash }: RolloutRequest, registry: ZooRegistry): boolean {
  const suite = suiteOf(smoke);
  return factsOf(registry, model, hash).passed.some((each) => each.kind === "smoke" && each.suite === suite);
}

function isOtherwise({ model, number, current }: PlannedVersion, { registered, copies }: ZooState): boolean {
  const rows = model.endsWith(copySuffix) ? copies : registered;
  return rows.find((row) => row.number === number)?.isCurrent !== current;
}
