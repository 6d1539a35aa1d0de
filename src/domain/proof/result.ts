import * as z from "zod";
import type { LatencySummary } from "../shadow/latency.ts";
import { unjudgeable } from "../shadow/recorded.ts";
import { verdicts } from "./verdict.ts";

const share = z.number().min(0).max(1);
const count = z.int().min(0);
const milliseconds = z.number().min(0).nullable();
const text = z.string().max(10_000);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** A revision of the repository, as it was read. */
const revision = z.strictObject({
  /** As it was named; null for the work tree. */
  revision: text.nullable(),
  /** Null where nothing is committed. */
  commit: z
    .string()
    .regex(/^[0-9a-f]{40,64}$/)
    .nullable(),
});

/** One side of a model, as it ran. */
const side = z.strictObject({
  /** Content hash of the truss folder. */
  hash,
  /** Of content and variables: see `contentVersion`. */
  version: text,
  /** Of one pod: cores, bytes with a suffix, whole GPUs. */
  resources: z.strictObject({ cpu: text, memory: text, gpus: count }),
  /** Until it was ready; null where it was not. */
  startedInMs: milliseconds,
  /** How often its process ended and was started again. */
  restarts: count,
  latency: z.strictObject({ p50: milliseconds, p95: milliseconds }),
});

/** A sample that was asked. */
const sample = z.strictObject({
  /** As it was named: a path in the repository, a file, `s3://bucket/key`. */
  place: text,
  digest: text,
  /** SHA-256 of its file; null for one that the repository does not keep. */
  file: hash.nullable(),
  /** Requests of it that were asked. */
  requests: count,
});

/** A field in which answers differ: see `FieldFinding`. */
const field = z.strictObject({
  field: text,
  p: share,
  least: share,
  differs: z.boolean(),
  across: count,
  within: count,
  factor: z.number().nullable(),
  maxMagnitude: z.number().nullable(),
});

/** A request that shows a difference. */
const differingRequest = z.strictObject({
  key: text,
  id: text,
  operation: text.nullable(),
  bytes: count,
  places: count,
  differences: z
    .array(
      z.strictObject({
        at: text,
        how: z.enum(["value", "kind", "absent"]),
        // A side that does not have the place has no value here, as JSON has none for it.
        old: z.unknown().optional(),
        new: z.unknown().optional(),
      }),
    )
    .readonly(),
});

/** What the answers of both sides say: see `ProofAnswers`. */
const answers = z.strictObject({
  requests: count,
  bothFail: z.array(text).readonly(),
  notJudged: z.partialRecord(z.enum(unjudgeable), count),
  varying: count,
  differing: count,
  bound: share,
  differingBound: share,
  failing: z.strictObject({ old: count, new: count }),
  fields: z.array(field).readonly(),
  withinRules: z.boolean(),
  smallest: z.array(differingRequest).readonly(),
});

/** What a proof found about one model. */
const modelProof = z.strictObject({
  kind: z.enum(["zoo", "development", "shadow"]),
  name: text,
  changes: z.array(z.enum(["content", "environment", "resources"])).readonly(),
  old: side,
  new: side,
  samples: z.array(sample).readonly(),
  /** What counted as a difference, for people, and the hash of that with the declared bounds. */
  rules: z.strictObject({ text, hash }),
  verdict: z.enum(verdicts),
  because: z.array(text).readonly(),
  /** Null where the two sides were not asked. */
  answers: answers.nullable(),
  /** Answers may be shown: requests were redacted. */
  isRedacted: z.boolean(),
});

/** What a proof found. Plain data: printed, drawn, and kept as evidence. */
export const proofResult = z.strictObject({
  kind: z.literal("proof"),
  format: z.literal(1),
  /** Version of Menagerie. */
  tool: text,
  stack: text,
  base: revision,
  head: revision,
  seed: text,
  /** Rounds at least, for requests whose answers differ. */
  repeat: count,
  /** See `ProofRisk`. */
  risk: z.strictObject({ falseAlarm: share, bound: share }),
  models: z.array(modelProof).readonly(),
  /** What was not compared, and what a reviewer should know. */
  notes: z.array(text).readonly(),
  at: z.iso.datetime(),
});

export type ProofResult = z.output<typeof proofResult>;
export type ModelProof = z.output<typeof modelProof>;
export type ProofSide = z.output<typeof side>;
export type ProofSample = z.output<typeof sample>;
export type ProofRevision = z.output<typeof revision>;

/** Nothing differs, or no more than the stack allows. */
export function isProven({ models }: Pick<ProofResult, "models">): boolean {
  return models.every(({ verdict }) => verdict === "equal" || verdict === "within");
}

export function sideLatency({ p50, p95 }: LatencySummary): ProofSide["latency"] {
  return { p50, p95 };
}
