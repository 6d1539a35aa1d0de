import { judgeActions } from "../domain/judgement/declared.ts";
import { compare } from "./comparison.ts";
import { choice, listOf, mapping, number, text, wholeNumber } from "./fields.ts";

const limit = mapping(
  {
    query: text(
      /^[^\0]*\S[^\0]*$/,
      "write a query in PromQL that has one value",
      "What Prometheus is asked, in PromQL: one series, or a scalar.",
    ),
    max: number(-Number.MAX_VALUE, Number.MAX_VALUE, "Greatest value that is allowed, in the query's own unit."),
    for: text(
      /^[1-9]\d{0,3}[smh]$/,
      "give a time such as 30s, 5m or 1h",
      "The value has to be above `max` for so long, without a gap. Default: 1m.",
    ).default("1m"),
  },
  "write {query: …, max: 100, for: 5m}",
  "A fixed limit. It has no part in `risk`: nobody knows how often it takes back a version that is as good as the old one.",
);

/** `judge` of a zoo model. */
export const judge = mapping(
  {
    risk: number(
      0.000001,
      0.5,
      "Probability that a rollout whose new version is within all margins is ever taken for bad, from its first request to `done`; 0 to 0.5. Default: 0.01.",
    ).default(0.01),
    maxErrorIncrease: number(
      0,
      0.99,
      "By how much more of its requests the new version may fail than the old one. 0 to 0.99. Default: 0.01, one point.",
    ).default(0.01),
    maxErrors: number(
      0.0001,
      0.99,
      "Share of the new version's requests that may fail; judged with `control: 0` alone, where nothing is compared. Default: not judged.",
    ).optional(),
    maxLatencyRatio: mapping(
      {
        p50: number(0.1, 1000, "Of the median. Default: not judged.").optional(),
        p95: number(0.1, 1000, "Of the 95th percentile. Default: not judged.").optional(),
      },
      "write {p50: 1.5, p95: 2}",
      "The new version's duration divided by the old one's, at most; of streams, the time to the first token. Default: not judged.",
    ).optional(),
    warmupSeconds: wholeNumber(
      0,
      600,
      "Requests that begin within so long after a pod of either version became ready are not counted for `maxLatencyRatio`: caches fill and code is compiled with the first requests. Durations of the gateway alone, where `recording.sample` is below 100, have no warm-up. Unit: seconds. Default: 30.",
    ).optional(),
    maxMismatch: number(
      0.0001,
      0.99,
      "Share of the compared answers that may differ. Default: 0.02; not judged with `control: 0`.",
    ).optional(),
    minRequests: wholeNumber(
      1,
      1_000_000_000,
      "Requests of each version before the new one is taken for good. Unit: requests. Default: 100.",
    ).default(100),
    control: number(
      0,
      50,
      "While the new version answers all requests, so much of them is copied to the old one, whose answers nobody gets. 0: nothing is compared, and `maxErrors` alone is judged. Unit: percent. Default: 5.",
    ).default(5),
    limits: listOf(
      limit,
      "write [{query: …, max: 100, for: 5m}], or remove the key",
      "Fixed limits of values in menagerie:prometheus. Default: none.",
    ).default([]),
    compare: compare.optional(),
    action: choice(
      judgeActions,
      "What follows when the new version is bad: revert (it is taken back), hold (its share of the requests stays, and no app moves) or tell (an alert). Default: revert.",
    ).default("revert"),
  },
  "write {maxErrorIncrease: 0.01}, or {} for the defaults",
  "Judges the new version by the old one from the first request to `done`, and takes it back when it is bad: see docs/judge.md. Default: nobody judges.",
);
