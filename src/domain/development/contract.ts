import * as z from "zod";

/**
 * What clients and the API service say to each other about development versions, as JSON below
 * `/v1/development/<versionId>`. Hashes are 64 hex digits of a truss's content.
 */

/** States of a development version. Only `synced` says that the head of the chain is what answers predictions. */
export const developmentStates = ["synced", "behind", "waking", "stopped", "unreachable", "recreate"] as const;

/** A truss's signature as the truss library writes it; see `TrussSignature`. */
export const signatureSchema = z.strictObject({
  content_hashes_by_path: z.record(
    z.string(),
    z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 hex digits or null")
      .nullable(),
  ),
  config: z.string(),
  requirements_file_requirements: z.array(z.string()).readonly(),
});

const hash = z.string().regex(/^[0-9a-f]{64}$/, "must be a content hash: 64 hex digits");
const state = z.enum(developmentStates);

/** Answer of `GET`, and of `POST …/sync` and `POST …/wake`. */
export const statusSchema = z.object({
  versionId: z.string(),
  model: z.string(),
  namespace: z.string(),
  /** Counts full deployments, from 1. */
  generation: z.number().int(),
  headHash: z.string(),
  headSignature: signatureSchema,
  /** Patches since the last full deployment. */
  seq: z.number().int(),
  /** What the container says it runs; null where it was not asked or did not answer. */
  runningHash: z.string().nullable(),
  state,
  /** Why the state is not `synced`, as the end of a sentence. Clients of any version read it by this name. */
  because: z.string().optional(),
});
export type DevelopmentStatus = z.output<typeof statusSchema>;

/** Body of `POST …/patches`. */
export const patchRequestSchema = z.strictObject({
  /** Head that the patch was computed against. */
  prevHash: hash,
  nextHash: hash,
  nextSignature: signatureSchema,
  /** Checked one by one by `parseOperations`. */
  patches: z.array(z.unknown()),
  /** Send the patch to the running container before answering. @default true */
  sync: z.boolean().optional(),
  /** The client meant to replace a head that others had moved: kept in the log. @default false */
  takeover: z.boolean().optional(),
});
export type PatchRequest = z.input<typeof patchRequestSchema>;

/** Answer of `POST …/patches`. */
export const patchAnswerSchema = z.object({
  headHash: z.string(),
  seq: z.number().int(),
  state,
  because: z.string().optional(),
  runningHash: z.string().nullable(),
  /** Whether it was applied without a restart of the model's process. */
  hot: z.boolean(),
  /** Milliseconds: until it was stored; then until the model answered, of which the container took `apply` to take it. */
  timings: z.object({ store: z.number(), sync: z.number(), apply: z.number() }),
});
export type PatchAnswer = z.output<typeof patchAnswerSchema>;

/** Body of `POST …/generations`: a full deployment of this content. */
export const generationRequestSchema = z.strictObject({ hash, signature: signatureSchema });
export type GenerationRequest = z.input<typeof generationRequestSchema>;

/** Body and answer of `POST …/ping/<token>`, as the control server of truss 0.18.35 sends and reads them. */
export const pingSchema = z.object({ truss_hash: z.string().nullish() });

/** An answer that is not a success. `stale` carries the head, `needs_full_deploy` the reasons. */
export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    headHash: z.string().optional(),
    headSignature: signatureSchema.optional(),
    reasons: z.array(z.string()).optional(),
  }),
});

/** A version that a client pushed. Times in milliseconds since 1970. */
export const pushedVersionSchema = z.object({
  versionId: z.string(),
  modelId: z.string(),
  model: z.string(),
  organization: z.string(),
  headHash: z.string().nullable(),
  /** Of the last push. */
  status: z.enum(["building", "deploying", "active", "failed", "superseded"]),
  /** Why the last push failed. */
  because: z.string().nullable(),
  pushedAt: z.number(),
  /** When it was last patched or asked; null where it never was. */
  usedAt: z.number().nullable(),
});
export type PushedVersion = z.output<typeof pushedVersionSchema>;

/** Answer of `GET /v1/development/`. */
export const pushedVersionsSchema = z.object({ versions: z.array(pushedVersionSchema).readonly() });

/** Answer of `DELETE /v1/development/<versionId>`. */
export const deletedSchema = z.object({ versionId: z.string(), model: z.string() });
export type DeletedVersion = z.output<typeof deletedSchema>;
