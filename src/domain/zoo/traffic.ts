/** Who changes how much a new version answers. An advance, a restore and whoever resumes a rollout edit the stack's file, and `up` sets what it says. */
export type TrafficChanger = "up" | "guard";

/** A version of a rollout, by what it is in it. */
export const rolloutSides = ["old", "new"] as const;
export type RolloutSide = (typeof rolloutSides)[number];

/** What keeps a user on one side while a weight stays; undefined where each request is drawn by itself. */
export type Sticky = "cookie" | `header:${string}`;

const byHeader = "header:" as const;

/** What an entry's `by` asks for: `cookie`, or the name of a header, in upper or lower case. */
export function stickyBy(by: string | undefined): Sticky | undefined {
  const name = by?.toLowerCase();
  return name === undefined || name === "cookie" ? name : `${byHeader}${name}`;
}

/** The header that keeps a user on one side; undefined where nothing or a cookie does. */
export function stickyHeaderOf(sticky: Sticky | undefined): string | undefined {
  return sticky?.startsWith(byHeader) ? sticky.slice(byHeader.length) : undefined;
}

/** What keeps clients on one side while a weight divides them, such as `, each client on one side by a cookie`; empty where nothing does. */
export function describeSticky({ sticky, weight }: Pick<TrafficSplit, "sticky" | "weight">): string {
  if (sticky === undefined || weight <= 0 || weight >= 100) return "";
  const header = stickyHeaderOf(sticky);
  return header === undefined
    ? ", each client on one side by a cookie"
    : `, each user on one side by the header ${header}`;
}

/** How the requests to a model's own route are divided between the two versions of a rollout. */
export interface TrafficSplit {
  /** Percent of the requests that the new version answers, 0 to 100. */
  readonly weight: number;
  /** Percent of the requests that are copied to the version that does not answer them; nobody gets its answers. */
  readonly control: number;
  readonly sticky: Sticky | undefined;
}

/** The split as the database holds it. */
export interface RolloutTraffic extends TrafficSplit {
  /** Name of the zoo model. */
  readonly model: string;
  /** Rises by one with each change, over all rollouts of the model. */
  readonly generation: number;
  /** Id of the version that the rollout leaves. */
  readonly from: string;
  /** Id of the new version; in phase `copy` that of the copy. */
  readonly to: string;
  /** Content of the new version. */
  readonly hash: string;
  readonly changedAt: Date;
  /** By which recorders hide the values of a header that keeps users on one side; only whoever writes the gateway's object reads it. */
  readonly drawKey?: string | undefined;
}

/** The split of a plan. */
export interface PlannedSplit extends TrafficSplit {
  /** What the config asks for, where the guard took the content back: its own split holds until that is resumed. @default this split */
  readonly asked?: TrafficSplit | undefined;
}

/** The split as plans read it. */
export interface StoredTraffic extends TrafficSplit {
  /** Undefined where the database was not read. */
  readonly generation: number | undefined;
  /** It is of the rollout that is recorded, not of one before. */
  readonly isOfRollout: boolean;
  /** The guard set it last: what a stack declares is not what holds. @default false */
  readonly isGuards?: true | undefined;
  /** Weight that somebody else than the guard set last; undefined where the database was not read. */
  readonly askedWeight?: number | undefined;
}

/** Whether the new version is the model's current one: it answers every request, so that new apps may use it. */
export function isWhole(split: TrafficSplit | undefined): boolean {
  return split === undefined || split.weight >= 100;
}

/** One change of it. */
export interface TrafficStep extends Omit<RolloutTraffic, "changedAt" | "drawKey"> {
  readonly by: TrafficChanger;
  readonly verdictId: string | undefined;
  readonly at: Date;
  /** When the object that the gateway reads was first written for it; undefined before that. */
  readonly appliedAt: Date | undefined;
}
