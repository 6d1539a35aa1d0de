import { compare } from "./comparison.ts";
import { mapping, number } from "./fields.ts";

/** `proof` of a zoo model. */
export const proof = mapping(
  {
    compare: compare.optional(),
    maxMismatch: number(
      0.0001,
      0.99,
      "Share of the requests that may be answered otherwise: what differs is within the declared bound where at most so many do, with 95 % confidence. Default: none.",
    ).optional(),
    maxLatencyRatio: mapping(
      {
        p50: number(0.1, 1000, "Of the median. Default: not judged.").optional(),
        p95: number(0.1, 1000, "Of the 95th percentile. Default: not judged.").optional(),
      },
      "write {p50: 1.5, p95: 2}",
      "The new content's duration divided by the old one's, at most. Default: told, not judged.",
    ).optional(),
  },
  "write {}, or {compare: {tolerance: {relative: 0.001}}}",
  "Before `forward` moves apps, `menagerie prove` must have found the new content equal to the old one, or within what is declared here, on the samples in samples/<model>/: see docs/prove.md. Default: not asked for.",
);
