import { type Phase, underWay } from "./phases.ts";
import { copySuffix } from "./plan.ts";
import { describeSticky, type PlannedSplit, type StoredTraffic, stickyBy } from "./traffic.ts";

/** What a model's entry asks for. */
export interface TrafficAsked {
  /** Percent of the model's own requests that the new version answers. @default 100 */
  readonly traffic?: number | undefined;
  /** What is copied to the old version while the new one answers all. @default nobody judges, and nothing divides them for a judge */
  readonly judge?: { readonly control: number } | undefined;
  /** Percent of the requests that is copied to the copy in phase `copy`. @default none is */
  readonly mirror?: number | undefined;
  /** What keeps a client on one side: `cookie`, or the name of a header. @default each request is drawn by itself */
  readonly by?: string | undefined;
}

/**
 * How a phase divides the model's own requests; undefined where nothing divides them and the current version answers all. Once they were
 * divided, the object that does it stays until the rollout is over, whatever the config says: the database's row is what the gateway does.
 *
 * @param isTakenBack - the guard took the content back, or holds it, so that what it set stays. Default: it set it last
 */
export function splitOf(
  phase: Phase,
  { traffic, by, judge, mirror }: TrafficAsked,
  stored: StoredTraffic | undefined,
  isTakenBack: boolean = stored?.isGuards ?? false,
): PlannedSplit | undefined {
  if (phase === "copy" && mirror !== undefined) return { weight: 0, control: mirror, sticky: undefined };
  if (!underWay.includes(phase)) return undefined;
  if (traffic === undefined && !judge && !stored?.isOfRollout) return undefined;
  const weight = phase === "bake" ? 100 : (traffic ?? 100);
  const asked = {
    weight,
    control: weight >= 100 ? (judge?.control ?? 0) : 0,
    sticky: stickyBy(by),
  };
  if (!stored?.isOfRollout || !isTakenBack) return asked;
  return { weight: stored.weight, control: stored.control, sticky: stored.sticky, asked };
}

/**
 * A weight beside what becomes of apps, for previews and `rollout`.
 *
 * @param before - what the database has
 * @param apps - such as `share: 50 % of the organizations' apps`
 */
export function describeSplit(
  split: PlannedSplit & {
    readonly old: { readonly number: number };
    readonly new: { readonly number: number; readonly model: string };
  },
  before: StoredTraffic | undefined,
  apps: string,
): string {
  if (split.new.model.endsWith(copySuffix))
    return `mirror: ${split.control} % of the requests to the model itself are copied to ${split.new.model}`;
  const { asked } = split;
  const was = before?.isOfRollout && before.weight !== split.weight ? ` (so far ${before.weight} %)` : "";
  const kept = asked ? ` as the guard set it, not ${asked.weight} % as the config says` : "";
  const copies =
    split.control > 0 && split.weight >= 100 ? `, ${split.control} % are copied to version ${split.old.number}` : "";
  return `traffic: version ${split.new.number} answers ${split.weight} % of the requests to the model itself${was}${kept}${describeSticky(split)}${copies}; ${apps}`;
}
