import type { JudgeSettings } from "../judgement/settings.ts";
import type { Judgement } from "../judgement/state.ts";
import { verdictOf } from "../judgement/verdict.ts";
import type { Refusal } from "../refusals/refusal.ts";
import { count } from "../shadow/readable.ts";
import { advanceRefusal } from "./advanceRefusals.ts";
import type { Phase } from "./phases.ts";

/** Percent at which a rollout stops to be judged: of the requests, then of the organizations whose apps move. */
export const advanceSteps = [1, 10, 50, 100] as const;

/** Phases that `menagerie rollout advance --to` may name, in their order. */
export const advanceTargets = ["version", "forward", "bake", "done"] as const;
export type AdvanceTarget = (typeof advanceTargets)[number];

/** Requests that each version had answered in a judgement. */
export interface Seen {
  readonly new: number;
  readonly old: number;
}

/** What a judge has found of a rollout by now. */
export interface JudgedSoFar {
  readonly judgementId: string;
  readonly settings: JudgeSettings;
  readonly state: Judgement;
  /** What had been answered when the last step was deployed; nothing where no step of this judgement was. */
  readonly seen: Seen;
}

/** What a stack's file says of the model. */
export interface AdvancedEntry {
  readonly phase?: unknown;
  readonly traffic?: unknown;
  readonly share?: unknown;
  readonly paused?: unknown;
  readonly judge?: unknown;
}

/** What the next step is decided by. */
export interface AdvanceFacts {
  readonly model: string;
  /** Phase that the last `up` recorded. */
  readonly phase: Phase;
  readonly entry: AdvancedEntry;
  /** Percent of the requests that the new version answers, as the database holds it; undefined where none was set in this rollout. */
  readonly weight: number | undefined;
  /** Why the next phase would be refused now, in a sentence; null where nothing is in the way. */
  readonly refused: string | null;
  /** Undefined where no judgement is open. */
  readonly judged: JudgedSoFar | undefined;
  /** How the content was taken back, in a sentence; undefined where it was not. */
  readonly takenBack: string | undefined;
}

/** An edit of the model's entry. */
export interface EntryEdit {
  readonly key: "phase" | "traffic" | "share";
  /** Undefined where the entry has no such key. */
  readonly from: unknown;
  readonly to: string | number;
}

export type AdvanceStep =
  | { readonly kind: "arrived" }
  /** Nothing that comes by itself lets it go on. */
  | { readonly kind: "stop"; readonly refusal: Refusal }
  | { readonly kind: "wait"; readonly edits: readonly EntryEdit[]; readonly because: readonly string[] }
  | { readonly kind: "edit"; readonly edits: readonly EntryEdit[] };

/**
 * The next step of a rollout: what is edited, or why not now. A step needs a verdict of `good`, and on both sides as many requests as `minRequests`
 * since the step before, so that no step rests on what was seen at a smaller one.
 *
 * @param to - phase at which it ends; undefined: after the next step
 */
export function nextStep(facts: AdvanceFacts, to?: AdvanceTarget): AdvanceStep {
  const { model, phase, entry, weight, takenBack, refused } = facts;
  const key = (name: string): string => `menagerie:zoo.${model}.${name}`;
  if (to !== undefined && isReached(phase, to)) return { kind: "arrived" };
  const stop = (refusal: Refusal): AdvanceStep => ({ kind: "stop", refusal });
  if (takenBack !== undefined) return stop(advanceRefusal("advance.taken-back", key("phase"), { takenBack }));
  if (phase === "off" || phase === "done" || phase === "reverted")
    return stop(advanceRefusal("advance.no-rollout", key("phase"), { model, phase }));
  if (phase !== "copy" && entry.judge === undefined) return stop(advanceRefusal("advance.no-judge", key("judge")));
  const behind = notDeployed(facts);
  if (behind) return stop(advanceRefusal("advance.not-deployed", key(behind.key), behind));
  const decided = facts.judged?.state.decided;
  if (decided) return stop(advanceRefusal("advance.bad", key("phase"), { because: decided.because.join("; ") }));
  const edits = editsOf(phase, entry, weight);
  const because = [
    ...judgedHolds(facts),
    ...(edits.some((edit) => edit.key === "phase") && refused !== null ? [refused] : []),
    ...(phase === "forward" && entry.paused === true ? [`${key("paused")} is true`] : []),
  ];
  return because.length > 0 ? { kind: "wait", edits, because } : { kind: "edit", edits };
}

function isReached(phase: Phase, to: AdvanceTarget): boolean {
  const place = advanceTargets.indexOf(phase as AdvanceTarget);
  return place >= advanceTargets.indexOf(to);
}

/** The key whose value is not deployed; undefined where everything is. */
function notDeployed({ phase, entry, weight }: AdvanceFacts) {
  if (entry.phase !== phase) return { key: "phase", declared: String(entry.phase), deployed: phase };
  const isDivided = phase === "version" || phase === "forward";
  const traffic = trafficOf(entry);
  if (!isDivided || weight === undefined || weight === traffic) return undefined;
  return { key: "traffic", declared: traffic, deployed: weight };
}

/** Without a key, all requests. */
function trafficOf({ traffic }: AdvancedEntry): number {
  return typeof traffic === "number" ? traffic : 100;
}

function editsOf(phase: Phase, entry: AdvancedEntry, weight: number | undefined): readonly EntryEdit[] {
  const edit = (key: EntryEdit["key"], to: EntryEdit["to"]): EntryEdit => ({ key, from: entry[key], to });
  if (phase === "copy")
    return [edit("phase", "version"), ...(entry.judge === undefined ? [] : [edit("traffic", advanceSteps[0])])];
  if (phase === "bake") return [edit("phase", "done")];
  const traffic = stepAfter(weight ?? trafficOf(entry));
  if (traffic !== undefined) return [edit("traffic", traffic)];
  if (phase === "version") return [edit("phase", "forward"), edit("share", advanceSteps[0])];
  const share = stepAfter(typeof entry.share === "number" ? entry.share : 100);
  return share === undefined ? [edit("phase", "bake")] : [edit("share", share)];
}

/** The percent of the step that follows; undefined at the last one. */
export function stepAfter(percent: number): number | undefined {
  return advanceSteps.find((step) => step > percent);
}

/** A copy is judged only where it gets copies of requests. */
function judgedHolds({ phase, judged, entry }: AdvanceFacts): readonly string[] {
  if (!judged) return phase === "copy" || entry.judge === undefined ? [] : ["the judge has not begun"];
  const { settings, state, seen } = judged;
  const verdict = verdictOf(state, settings);
  if (verdict.decision !== "good") return verdict.because;
  const since = { new: state.total.new.requests - seen.new, old: state.total.old.requests - seen.old };
  // Without a control, nothing is asked of the old version at full weight.
  const least = settings.control === 0 ? since.new : Math.min(since.new, since.old);
  if (least >= settings.minRequests) return [];
  return [
    `since the last step, the new version answered ${count(since.new)} requests and the old one ${count(since.old)}; ${count(settings.minRequests)} are needed`,
  ];
}

/** Such as `traffic: 10 → 50`, or `phase: version → forward, share: 1`. */
export function describeEntryEdits(edits: readonly EntryEdit[]): string {
  return edits.map(({ key, from, to }) => `${key}: ${from === undefined ? to : `${from} → ${to}`}`).join(", ");
}

/** A model's entry with edits, or without them. */
export function withEntryEdits(
  entry: Readonly<Record<string, unknown>>,
  edits: readonly EntryEdit[],
  side: "from" | "to",
): Readonly<Record<string, unknown>> {
  const changed = { ...entry };
  for (const edit of edits) {
    if (edit[side] === undefined) delete changed[edit.key];
    else changed[edit.key] = edit[side];
  }
  return changed;
}

/** Whether the entry has what the edits write, or what was there before. */
export function hasEntryEdits(entry: AdvancedEntry, edits: readonly EntryEdit[], side: "from" | "to"): boolean {
  return edits.every((edit) => entry[edit.key] === (edit[side] ?? undefined));
}
