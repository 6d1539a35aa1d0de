import { effects } from "./effects.ts";
import type { Phase, RecordedRollout, RolloutRequest } from "./phases.ts";
import { copyName, describePlan, type PlanBasis, planVersion, type RegisteredVersion } from "./plan.ts";
import { isWhole } from "./traffic.ts";

/** One version of a zoo model, or of its copy, that an `up` declares. */
export interface PlannedVersion {
  /** Name in the database: the model's, or `<model>_copy`. */
  readonly model: string;
  readonly number: number;
  /** Id of its row; undefined until it is registered. */
  readonly versionId: string | undefined;
  readonly hash: string;
  /** The row that says how it is served; undefined for what the config says. */
  readonly row: RegisteredVersion | undefined;
  /** New apps use it. */
  readonly current: boolean;
  /** Version whose place it takes, because the `up` removes that one: one is not served beside the other. */
  readonly replaces: Pick<PlannedVersion, "model" | "number"> | undefined;
}

/** What an `up` does with one zoo model. */
export interface RolloutPlan {
  readonly request: RolloutRequest;
  readonly recorded: Phase | undefined;
  /** All that are served after the `up`, the one that answers for the model first. */
  readonly versions: readonly PlannedVersion[];
  /** Version that is rolled out; undefined where nothing is served. */
  readonly target: PlannedVersion | undefined;
  /** Apps move; `to` is undefined until the new version is registered. */
  readonly migration:
    | { readonly direction: "forward" | "reverted"; readonly from: string; readonly to: string | undefined }
    | undefined;
  /** Whether the automation is off, so that everything stays as it was recorded. */
  readonly frozen: boolean;
}

/** What plans are made from. */
export interface ZooState {
  readonly recorded: RecordedRollout | undefined;
  readonly registered: readonly RegisteredVersion[];
  /** Versions of the copy. */
  readonly copies: readonly RegisteredVersion[];
}

/**
 * Plans which versions of a model are served. The request must have been judged by `refusal`.
 *
 * - A version that apps point at is served for as long as they do, whatever the phase.
 * - Until the rollout is done, its old version is served as its row says, so that config and folder may change.
 */
export function planRollout(request: RolloutRequest, state: ZooState, frozen = false): RolloutPlan {
  const { model, phase, from } = request;
  const { registered, recorded } = state;
  const old = from === undefined ? undefined : registered.find(({ id }) => id === from);
  const planned = targetOf(request, state, frozen);
  const { old: standing } = effects[phase];
  // New apps stay where every request is answered until the new version answers all of them.
  const isCurrent = standing === "current" || !isWhole(request.traffic);
  const served = old && standing !== "removed" ? [asRegistered(model, old, isCurrent)] : [];
  const declared = new Set([...served, ...(planned?.model === model ? [planned] : [])].map(({ number }) => number));
  const pointedAt = registered.filter((row) => row.apps > 0 && row.serving && row.image && !declared.has(row.number));
  const removed = removedBy(request, state);
  const isServed = [...declared, ...pointedAt.map((row) => row.number)].includes(removed?.number ?? 0);
  const target = planned && { ...planned, replaces: removed?.model === model && isServed ? undefined : removed };
  const versions = [...served, ...(target ? [target] : []), ...pointedAt.map((row) => asRegistered(model, row, false))];
  const answers = (each: PlannedVersion): number => Number(each.current && each.model === model);
  return {
    request,
    recorded: recorded?.phase,
    frozen,
    target,
    versions: versions.sort((a, b) => answers(b) - answers(a)),
    migration: migrationOf(request, old, state),
  };
}

/** What is rolled out, or deployed directly. */
function targetOf(
  { model, phase, hash, traffic }: RolloutRequest,
  state: ZooState,
  frozen: boolean,
): PlannedVersion | undefined {
  const { content } = effects[phase];
  if (content === null) return undefined;
  const [name, rows] = content === "copy" ? [copyName(model), state.copies] : [model, state.registered];
  const { number, versionId } = planVersion(hash, rows);
  const row = frozen ? rows.find((each) => each.hash === hash) : undefined;
  return {
    model: name,
    number,
    versionId,
    hash,
    row,
    current: content === "copy" || isWhole(traffic),
    replaces: undefined,
  };
}

function asRegistered(model: string, row: RegisteredVersion, current: boolean): PlannedVersion {
  const { id, number, hash } = row;
  return { model, number, versionId: id, hash, row, current, replaces: undefined };
}

/**
 * What the `up` removes for its target, unless that has to be served on: the current version, of content that is deployed directly; else the
 * copy, whose content becomes a version. The engine deletes after all else, so on a full pool the new one would wait for the old one.
 */
function removedBy(
  { model, phase, from }: RolloutRequest,
  { registered, copies }: ZooState,
): PlannedVersion["replaces"] {
  const [rows, name] =
    from === undefined ? [registered, model] : phase === "version" ? [copies, copyName(model)] : [[], model];
  const row = rows.find(({ isCurrent }) => isCurrent);
  return row && { model: name, number: row.number };
}

function migrationOf(
  { phase, from }: RolloutRequest,
  old: RegisteredVersion | undefined,
  { recorded, registered }: ZooState,
): RolloutPlan["migration"] {
  if (from === undefined || !old || !recorded) return undefined;
  const to = registered.find(({ hash }) => hash === recorded.hash)?.id;
  const { apps: direction } = effects[phase];
  if (direction === null || (direction === "reverted" && to === undefined)) return undefined;
  return { direction, from, to };
}

/** What the plan does, in lines for the preview. Rows and time of a migration are told by its own plan. */
export function describeRollout(plan: RolloutPlan, state: ZooState, basis: PlanBasis): string[] {
  const { request, recorded, versions, target } = plan;
  const { model, phase, from } = request;
  const lines: string[] = [];
  if (plan.frozen) lines.push("the automation is off: nothing new is deployed, nothing is removed");
  const step = recorded !== undefined && recorded !== phase ? `${recorded} → ${phase}` : phase;
  lines.push(from === undefined ? `phase ${step}` : `phase ${step}, from version ${numberOf(from, state)}`);
  for (const each of versions) lines.push(describeVersion(each, target, request, state, basis));
  const kept = new Set(versions.filter((each) => each.model === model).map(({ number }) => number));
  if (from === undefined && target?.replaces) lines.push(`version ${target.replaces.number} makes room for it`);
  if (phase === "done" && recorded === "bake" && !versions.some(({ versionId }) => versionId === from))
    lines.push(`version ${numberOf(from, state)} is removed; its row and image stay`);
  if (phase === "reverted" && recorded !== "reverted") {
    const left = state.registered.find((row) => row.hash === state.recorded?.hash);
    if (left && !kept.has(left.number)) lines.push(`version ${left.number} is removed: no app points at it`);
  }
  if (recorded === "copy" && phase !== "copy") lines.push(`${copyName(model)} is removed`);
  return lines;
}

function describeVersion(
  each: PlannedVersion,
  target: PlannedVersion | undefined,
  { model, from }: RolloutRequest,
  { registered, copies }: ZooState,
  basis: PlanBasis,
): string {
  const isGone = [...registered, ...copies].some(
    ({ id, goneImage }) => id === each.versionId && goneImage !== undefined,
  );
  const name = each === target ? (each.model === model ? "" : each.model) : `version ${each.number}`;
  const row = registered.find(({ number }) => number === each.number && each.model === model);
  const apps = row?.apps ?? 0;
  // An app that has moved on by now is left nowhere.
  const left = row?.id === from ? (row?.left ?? 0) : 0;
  const use = each.current && each.model === model ? "new apps use it" : "";
  const stay =
    left > 0 ? `, ${left === apps ? "" : `${left} of them `}left there by ${`menagerie:zoo.${model}.leave`}` : "";
  const users = apps > 0 ? `${apps === 1 ? "1 app points" : `${apps} apps point`} at it${stay}` : "";
  const how =
    each === target
      ? describePlan({ number: each.number, versionId: each.versionId }, basis, isGone)
      : "served as before";
  return `${name && `${name}: `}${[how, use, users].filter(Boolean).join(", ")}`;
}

function numberOf(id: string | undefined, { registered }: ZooState): string {
  return String(registered.find((row) => row.id === id)?.number ?? id);
}
