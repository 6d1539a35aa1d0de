import type { Gate, RecordedRollout, RolloutFacts } from "./phases.ts";
import { copyName, type RegisteredVersion } from "./plan.ts";
import { digestOf } from "./smoke.ts";
import type { ResumedContent, TakenBack } from "./takeBack.ts";

/** What was found when a content was tried. Whatever joins the gate of a rollout is stored like this. */
export interface Evidence extends Gate {
  /** Name of the zoo model, without `_copy`. */
  readonly model: string;
  /** Content that was tried. */
  readonly hash: string;
  readonly passed: boolean;
  /** What shows it; stored with its hash. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

export interface StoredEvidence extends Evidence {
  readonly id: string;
  /** SHA-256 of `evidence`. */
  readonly evidenceHash: string;
  readonly at: Date;
}

/** Where a model stands, with its times. */
export interface StoredRollout extends RecordedRollout {
  readonly model: string;
  readonly since: Date;
  /** Seconds that the bake still takes, by the database's clock; undefined outside of one. */
  readonly bakeSecondsLeft: number | undefined;
}

/** The zoo as the database holds it: of each model its versions, where it stands, and the latest evidence. */
export interface ZooRegistry {
  /** By name of the model; copies are models too. */
  readonly versions: ReadonlyMap<string, readonly RegisteredVersion[]>;
  /** Of every model that a stack has declared. */
  readonly rollouts: ReadonlyMap<string, StoredRollout>;
  /** The latest of each content, kind and suite. */
  readonly evidence: readonly StoredEvidence[];
  /** Contents that a guard took back, and nobody resumed. @default none */
  readonly takenBack?: readonly TakenBack[] | undefined;
  /** Take-backs that were false alarms, the last one first. @default none */
  readonly resumed?: readonly ResumedContent[] | undefined;
}

export const emptyRegistry: ZooRegistry = { versions: new Map(), rollouts: new Map(), evidence: [] };

/** What a request about one content of a model is judged by. */
export function factsOf(
  { versions, rollouts, evidence, takenBack }: ZooRegistry,
  model: string,
  hash: string,
): RolloutFacts {
  const recorded = rollouts.get(model);
  return {
    recorded,
    registered: versions.get(model) ?? [],
    copyApps: (versions.get(copyName(model)) ?? []).reduce((sum, { apps }) => sum + apps, 0),
    passed: evidence
      .filter((each) => each.model === model && each.hash === hash && holds(each))
      .map(({ kind, suite }) => ({ kind, suite })),
    bakeSecondsLeft: recorded?.bakeSecondsLeft,
    takenBack: takenBack?.filter((each) => each.model === model),
  };
}

/** Whether evidence says passed, and has not been altered since it was stored. */
function holds({ passed, evidence, evidenceHash }: StoredEvidence): boolean {
  return passed && digestOf(evidence) === evidenceHash;
}
