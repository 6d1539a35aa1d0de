import { z } from "zod";
import { operationNames } from "../protocols/operation.ts";
import { redactionRuleSchema } from "../redaction/ruleSchema.ts";
import { sampleStrata } from "./strata.ts";

/** What the first line says that the file is. */
export const sampleFormat = "menagerie-sample";
/** Of lines as they are below; a reader refuses others. */
export const sampleVersion = 1;
/** Days that a sample may be used where nobody says otherwise. */
export const defaultDays = 30;

/**
 * Most requests of a sample, and most bytes of its lines together. All of it is in memory once: its first line has the hash of the others, and
 * nothing that is to be encrypted may be on a disk before.
 */
export const mostRequests = 100_000;
export const mostBytes = 512 * 1024 ** 2;
/** How long bodies are is each recorder's setting: one line may be all of a sample. */
export const longestLine = mostBytes;

const name = z.string().min(1).max(1_000);
const time = z.iso.datetime();

/** The first line: where the requests come from, and what was done to them. */
export const sampleHeader = z.strictObject({
  format: z.literal(sampleFormat),
  version: z.literal(sampleVersion),
  source: z.strictObject({
    /** The embedded environment, or what the operator's database was called by. */
    environment: name,
    /** A zoo model, a shadow deployment, or a schema that the stack does not name. */
    name,
    kind: z.enum(["zoo", "shadow", "schema"]),
    schema: name,
    /** `model_version` of the answers, sorted. */
    versions: z.array(z.string()),
    since: time,
    /** Not included. */
    until: time,
    /** Whose requests they are, by name; null for those of every organization and of nobody known. */
    organization: name.nullable(),
  }),
  redaction: z.strictObject({
    /** As the stack has them now; requests were redacted by those of their day. */
    rules: z.array(redactionRuleSchema),
    /** Why the requests hold values as clients sent them; null where pseudonyms stand in their place. */
    unredacted: z.strictObject({ because: z.string().min(1) }).nullable(),
  }),
  /** Who exported it, by their own word, and the public prefix of their key. */
  by: z.strictObject({ who: name, key: name }),
  stratify: z.array(z.enum(sampleStrata)),
  strata: z.array(
    z.strictObject({
      stratum: z.string(),
      recorded: z.int().min(0),
      chosen: z.int().min(0),
    }),
  ),
  /** Addresses of mail that the scan found, which only a sample that is encrypted may have. */
  addresses: z.int().min(0),
  count: z.int().min(1).max(mostRequests),
  /** Over the bytes of all following lines, their line feeds included. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  createdAt: time,
  expiresAt: time,
});
export type SampleHeader = z.output<typeof sampleHeader>;

/** Without zod's own check, whose expression takes long for megabytes. */
const base64 = z.string().refine((text) => text.length % 4 === 0 && !/[^0-9A-Za-z+/=]/.test(text), "is not base64");
const bytes = z.strictObject({ base64 });
const json = z.strictObject({ json: z.unknown() });

/** One request with its answer. */
export const sampledRequest = z.strictObject({
  id: z.string().max(1_000),
  /** 1, or more where the id came again that day. */
  attempt: z.int().min(1),
  at: time,
  /** What was asked; null for what no protocol knows. */
  operation: z.enum(operationNames).nullable(),
  /** Path and query. */
  path: z.string().startsWith("/"),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  body: z.union([json, bytes]),
  answer: z.strictObject({
    /** Null where the model gave none. */
    status: z.int().nullable(),
    latencyMs: z.number(),
    /** Null in rows of older recorders. */
    streamed: z.boolean().nullable(),
    firstTokenMs: z.number().nullable(),
    completionTokens: z.int().nullable(),
    /** Content coding of a body in base64. */
    encoding: z.string().nullable(),
    body: z.union([json, bytes, z.strictObject({ missing: z.enum(["not_kept", "too_long"]) })]),
  }),
});
export type SampledRequest = z.output<typeof sampledRequest>;
