import * as z from "zod";
import { redactionRuleSchema } from "../redaction/ruleSchema.ts";
import { scaleTargetSchema } from "../serving/scaleTarget.ts";

/**
 * How a version is served, beside its image: kept with its row, so that it can be declared again exactly when config and
 * folder already say something else.
 */
export const servingSchema = z.strictObject({
  /** Truss folder that the content came from, relative to the project. */
  truss: z.string(),
  mode: z.enum(["Standard", "Knative"]),
  /** Node pool of its pods. */
  pool: z.string(),
  env: z.record(z.string(), z.string()),
  /** Pods, the autoscaler's target, and the minutes without a request after which it sleeps. */
  replicas: z.strictObject({
    min: z.number(),
    max: z.number(),
    target: scaleTargetSchema.optional(),
    idleMinutes: z.number().optional(),
  }),
  /** Of one pod: cores, bytes with a suffix, whole GPUs. */
  resources: z.strictObject({ cpu: z.string(), memory: z.string(), gpus: z.number() }),
  /** Names of the secrets that its truss reads. */
  secrets: z.array(z.string()),
  /** Name of its InferenceService where that was made up, see `generatedNameFits`. Left out where it is the version's own. */
  service: z.string().optional(),
  /** It works in the release's state: its pods start anew with each release. Left out where it does not. */
  state: z.literal(true).optional(),
  /** Paths of its own, which its apps have too. Left out where it has none. */
  paths: z.array(z.string()).readonly().optional(),
  /** Tokens of its longest answer. Left out where its entry does not say. */
  maxTokens: z.number().optional(),
  /** How its requests are recorded: a recorder takes them. Left out where none does. */
  recording: z
    .strictObject({
      sample: z.number(),
      bodies: z.boolean(),
      retentionDays: z.number(),
      redact: z.array(redactionRuleSchema).readonly(),
    })
    .optional(),
});

/** As a row has it. */
export type RecordedServing = z.output<typeof servingSchema>;

export type VersionServing = Omit<RecordedServing, "service" | "recording" | "paths">;

/** Whether the API service stops a version while nobody uses it, and starts it for the next request. */
export function sleeps({ mode, replicas }: Pick<VersionServing, "mode" | "replicas">): boolean {
  return mode === "Standard" && replicas.min === 0;
}

/**
 * What makes the pods of a recorded serving: under which name it was made is the engine's to know, whether a recorder is in front
 * of it is the model's entry's, whatever the version, and paths change no pod.
 */
export function declaredServing({
  service: _,
  recording: __,
  paths: ___,
  ...serving
}: RecordedServing): VersionServing {
  return serving;
}
