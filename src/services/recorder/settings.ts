import { parseArgs } from "node:util";
import * as z from "zod";
import { identifier } from "../../adapters/postgres/identifier.ts";
import { type DatabaseServer, serverFromUrl } from "../../adapters/postgres/server.ts";
import { ownPathMistake } from "../../domain/protocols/ownPaths.ts";
import { alwaysStored, carriesSecret } from "../../domain/recording/storedHeaders.ts";
import { ruleProblem } from "../../domain/redaction/ruleProblem.ts";
import { redactionRuleSchema } from "../../domain/redaction/ruleSchema.ts";
import type { RedactionRules } from "../../domain/redaction/rules.ts";
import { refuse } from "../refusals.ts";

const mebibyte = 1024 ** 2;
const wholeNumber = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum);
const headerName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** 128 bits as base64url. Whoever can guess the key can find the values behind pseudonyms. */
const shortestKey = 22;
const rules = z.array(redactionRuleSchema);

const environment = z.object({
  /** The database that holds the prediction tables, with the recorder's own login. */
  MENAGERIE_DATABASE_URL: z.string().min(1),
  /** Schema of this model version's prediction tables. */
  MENAGERIE_RECORDER_SCHEMA: identifier,
  /** A folder of the recorder's own, such as an `emptyDir`: it holds what is not in the database yet. */
  MENAGERIE_RECORDER_LOG_DIR: z
    .string()
    .startsWith("/", "is not an absolute path")
    .default("/var/lib/menagerie/recorder"),
  /** What the log may grow to while the database is away, in bytes. */
  MENAGERIE_RECORDER_LOG_MAX_BYTES: wholeNumber(mebibyte, 2 ** 50).default(1024 * mebibyte),
  /** Bytes that are kept of one body. */
  MENAGERIE_RECORDER_BODY_MAX_BYTES: wholeNumber(1, 128 * mebibyte).default(10 * mebibyte),
  /** Bytes that are kept of all bodies on their way. */
  MENAGERIE_RECORDER_MEMORY_MAX_BYTES: wholeNumber(mebibyte, 2 ** 40).default(128 * mebibyte),
  /** Share of the predictions that are stored; all are answered. */
  MENAGERIE_RECORDER_SAMPLE_PERCENT: z.coerce.number().min(0).max(100).default(100),
  /** Whether bodies are stored. */
  MENAGERIE_RECORDER_BODIES: z.enum(["true", "false"]).default("true"),
  /** Headers to store besides the usual ones: names with commas between them. */
  MENAGERIE_RECORDER_HEADERS: z
    .string()
    .default("")
    .transform((names) =>
      names
        .toLowerCase()
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
    )
    .refine((names) => names.every((name) => headerName.test(name)), "has a name that no header can have")
    .refine((names) => !names.some(carriesSecret), "names a header that carries a secret"),
  /** Paths of the model's own that are predictions too, with commas between them. */
  MENAGERIE_RECORDER_OWN_PATHS: z
    .string()
    .default("")
    .transform((paths) => paths.split(",").filter((path) => path !== ""))
    .refine(
      (paths) => paths.every((path) => ownPathMistake(path) === undefined),
      "has a path that cannot be a model's own",
    ),
  /** What is replaced by pseudonyms before anything is stored: a JSON list of rules, as in `redact` of a stack's config. */
  MENAGERIE_RECORDER_REDACT: z.string().default("[]").transform(redactionRules),
  /** Key of the pseudonyms: the same wherever answers are to be compared. */
  MENAGERIE_RECORDER_PSEUDONYM_KEY: z.string().default(""),
  /** Where tokens of requests that the gateway let pass are reported: the API service, as pods reach it. Empty: nowhere. */
  MENAGERIE_USAGE_URL: z.union([z.literal(""), z.url()]).default(""),
  /** Stored with every answer. */
  MENAGERIE_MODEL_VERSION: z.string().default(""),
  /** From an answer to its row, at least, in milliseconds. */
  MENAGERIE_RECORDER_STORE_EVERY_MS: wholeNumber(10, 60_000).default(100),
  PREDICTOR_HOST: z.string().default(""),
  HOSTNAME: z.string().default("recorder"),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
});

/**
 * What KServe gives a custom transformer (v0.20, `transformer_custom.go`): `--model_name`, `--predictor_host` and `--http_port`,
 * `--workers` where `containerConcurrency` is set. The others are those of its Python SDK, which a manifest may add.
 */
const options = {
  model_name: { type: "string" },
  predictor_host: { type: "string" },
  http_port: { type: "string" },
  predictor_protocol: { type: "string" },
  predictor_use_ssl: { type: "string" },
  predictor_request_timeout_seconds: { type: "string" },
  workers: { type: "string" },
} as const;

const argumentsSchema = z.object({
  model_name: z.string().default(""),
  predictor_host: z.string().optional(),
  http_port: wholeNumber(0, 65_535).default(8080),
  predictor_protocol: z.enum(["v1", "v2"], "is not v1 or v2: a recorder forwards HTTP only").default("v1"),
  predictor_use_ssl: z.enum(["true", "false", "True", "False"]).default("false"),
  predictor_request_timeout_seconds: wholeNumber(1, 86_400).default(600),
});

/** What a recorder runs with. */
export interface RecorderSettings {
  readonly database: DatabaseServer;
  readonly schema: string;
  readonly logFolder: string;
  /** Bytes. */
  readonly logMaxBytes: number;
  /** Whether bodies are stored. Where they are not, answers are read for their tokens and first token all the same. */
  readonly keepsBodies: boolean;
  /** Of one body. */
  readonly bodyMaxBytes: number;
  readonly memoryMaxBytes: number;
  readonly samplePercent: number;
  /** Lower-case names. */
  readonly storedHeaders: readonly string[];
  /** Of the model, see `predictionAsked`. */
  readonly ownPaths: readonly string[];
  /** Empty where nothing is redacted. */
  readonly redact: RedactionRules;
  /** A secret; empty where it is not given. */
  readonly pseudonymKey: string;
  readonly modelVersion: string | null;
  /** Without a path; undefined where nothing is reported. */
  readonly usageUrl: string | undefined;
  /** Milliseconds. */
  readonly storeEveryMs: number;
  /** Such as `http://iris-predictor.models`. */
  readonly predictor: string;
  readonly port: number;
  /** Until the predictor begins to answer, and between two pieces of its answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Name of this recorder, as the tables show it. */
  readonly name: string;
  readonly logLevel: string;
}

/** Settings from environment variables and arguments. Throws an `OperatorError` that names the wrong ones, never their values. */
export function readSettings(env: NodeJS.ProcessEnv, args: readonly string[]): RecorderSettings {
  const { values: given } = parseArgs({ args: [...args], options, strict: false });
  const [variables, flags] = [environment.safeParse(env), argumentsSchema.safeParse(given)];
  const wrong = [
    ...(variables.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`),
    ...(flags.error?.issues ?? []).map(({ path, message }) => `--${path.join(".")}: ${message}`),
  ];
  if (variables.success && variables.data.MENAGERIE_RECORDER_REDACT.length > 0) {
    const { length } = variables.data.MENAGERIE_RECORDER_PSEUDONYM_KEY;
    // Without a key nothing can be redacted, so nothing may be stored.
    if (length < shortestKey)
      wrong.push(`MENAGERIE_RECORDER_PSEUDONYM_KEY: has ${length} characters; give at least ${shortestKey}`);
  }
  if (wrong.length > 0 || !variables.success || !flags.success)
    throw refuse("recorder.settings", { wrong: wrong.join("; ") });
  const { data: values } = variables;
  const host = flags.data.predictor_host ?? values.PREDICTOR_HOST;
  const scheme = flags.data.predictor_use_ssl.toLowerCase() === "true" ? "https" : "http";
  const predictor = URL.parse(`${scheme}://${host}`);
  if (!predictor?.hostname || predictor.pathname !== "/") {
    throw refuse("recorder.predictor-host");
  }
  return {
    database: serverFromUrl(values.MENAGERIE_DATABASE_URL, "MENAGERIE_DATABASE_URL"),
    schema: values.MENAGERIE_RECORDER_SCHEMA,
    logFolder: values.MENAGERIE_RECORDER_LOG_DIR,
    logMaxBytes: values.MENAGERIE_RECORDER_LOG_MAX_BYTES,
    keepsBodies: values.MENAGERIE_RECORDER_BODIES === "true",
    bodyMaxBytes: values.MENAGERIE_RECORDER_BODY_MAX_BYTES,
    memoryMaxBytes: values.MENAGERIE_RECORDER_MEMORY_MAX_BYTES,
    samplePercent: values.MENAGERIE_RECORDER_SAMPLE_PERCENT,
    storedHeaders: [...new Set([...alwaysStored, ...values.MENAGERIE_RECORDER_HEADERS])],
    ownPaths: values.MENAGERIE_RECORDER_OWN_PATHS,
    redact: values.MENAGERIE_RECORDER_REDACT,
    pseudonymKey: values.MENAGERIE_RECORDER_PSEUDONYM_KEY,
    modelVersion: values.MENAGERIE_MODEL_VERSION || null,
    usageUrl: values.MENAGERIE_USAGE_URL.replace(/\/+$/, "") || undefined,
    storeEveryMs: values.MENAGERIE_RECORDER_STORE_EVERY_MS,
    predictor: predictor.origin,
    port: flags.data.http_port,
    timeoutMs: flags.data.predictor_request_timeout_seconds * 1000,
    name: values.HOSTNAME,
    logLevel: values.LOG_LEVEL,
  };
}

/** One wrong rule refuses all of them: a rule that is not followed would store what it names. */
function redactionRules(text: string, context: z.RefinementCtx): RedactionRules {
  const refused = (message: string): never => {
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refused("is not JSON");
  }
  const read = rules.safeParse(json);
  if (!read.success) return refused("is not a list of redaction rules");
  const problem = read.data.map(ruleProblem).find((each) => each !== undefined);
  return problem ? refused(`${problem.problem}; ${problem.fix}`) : read.data;
}
