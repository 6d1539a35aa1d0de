import type { Replayed } from "../../adapters/predictions/replay.ts";
import { counted, times } from "../../domain/counted.ts";
import type { ComparisonResult } from "../../domain/shadow/comparisonResult.ts";
import { headlineOf } from "../../domain/shadow/headline.ts";
import { duration, rate } from "../../domain/shadow/readable.ts";

/** What a replay sent, and what it left out. */
export interface ReplayCounts extends Replayed {
  readonly answered: number;
  /** Requests whose body was not kept whole. */
  readonly truncated: number;
  /** Requests with pseudonyms in place of values, whose answers are not compared; and by status, what was answered to them. */
  readonly redacted: number;
  readonly statusesOfRedacted: Readonly<Record<string, number>>;
  /** Requests that the target cannot be asked: of another protocol, or explanations where its url does not say how. */
  readonly otherOperation: number;
}

/** A replay as a terminal shows it. */
export function describeReplay(result: ComparisonResult, counts: ReplayCounts, asRecorded: boolean): string {
  const { fields, latency, speed, statuses, notTexts } = result;
  const { sent, answered, truncated, redacted, otherOperation, withoutKeys, atOnce, latestMs } = counts;
  const notes = [
    ...(truncated > 0 ? [`left out ${truncated} whose body was not kept whole`] : []),
    ...(otherOperation > 0 ? [`left out ${otherOperation} of an operation that the target's url does not offer`] : []),
    ...(withoutKeys > 0 ? [`${withoutKeys} without the keys that were recorded in their bodies`] : []),
  ];
  const first = { recorded: speed.primary.firstToken, now: speed.shadow.firstToken };
  const perSecond = { recorded: speed.primary.tokensPerSecond, now: speed.shadow.tokensPerSecond };
  return [
    headlineOf(result),
    `sent ${sent}, answered ${answered}${notes.map((note) => `, ${note}`).join("")}`,
    ...(redacted > 0 ? [`${counted(redacted, "request")} with pseudonyms, not compared: ${statusesOf(counts)}`] : []),
    ...(asRecorded ? [`at most ${atOnce} at once, the latest ${duration(latestMs)} after its time`] : []),
    ...fields.slice(0, 10).map(({ field, mismatches }) => `  ${field}: differs ${times(mismatches)}`),
    ...notTexts.map(
      ({ field, places }) =>
        `  compare.texts: ${field} holds no text in ${counted(places, "place")}, where the rule has no effect`,
    ),
    ...statuses
      .filter(({ primary, shadow }) => primary !== shadow)
      .map(({ primary, shadow, pairs }) => `  status ${primary} became ${shadow ?? "no answer"}: ${times(pairs)}`),
    `latency p50 ${milliseconds(latency.primary.p50)} recorded, ${milliseconds(latency.shadow.p50)} now; p99 ${milliseconds(latency.primary.p99)}, ${milliseconds(latency.shadow.p99)}`,
    ...(first.recorded.count + first.now.count > 0
      ? [
          `first token p50 ${milliseconds(first.recorded.p50)} recorded, ${milliseconds(first.now.p50)} now; p99 ${milliseconds(first.recorded.p99)}, ${milliseconds(first.now.p99)}`,
        ]
      : []),
    ...(perSecond.recorded.count + perSecond.now.count > 0
      ? [
          `tokens per second p50 ${rate(perSecond.recorded.p50)} recorded, ${rate(perSecond.now.p50)} now; p5 ${rate(perSecond.recorded.p5)}, ${rate(perSecond.now.p5)}`,
        ]
      : []),
  ].join("\n");
}

/** Such as `status 200 9 times, status 500 once`. */
function statusesOf({ statusesOfRedacted }: ReplayCounts): string {
  return Object.entries(statusesOfRedacted)
    .map(([status, requests]) => `${/^\d/.test(status) ? `status ${status}` : status} ${times(requests)}`)
    .join(", ");
}

function milliseconds(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(1)} ms`;
}
