import { hostname } from "node:os";
import * as z from "zod";
import type { Bucket } from "../../adapters/buckets/bucket.ts";
import type { BuildAddress } from "../../adapters/builds/buildService.ts";
import { type DatabaseServer, serverFromUrl } from "../../adapters/postgres/server.ts";
import type { Prometheus } from "../../adapters/prometheus/gatewayReadings.ts";
import { buildsFolder, type PushPipeline } from "../../domain/serving/apiPushes.ts";
import { activatorPort, batchesPort, type CountedGateway, copiesPort } from "../../domain/serving/apiService.ts";
import { routeApis } from "../../domain/serving/route.ts";
import { refuse } from "../refusals.ts";

const wholeNumber = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum);

const pipeline: z.ZodType<PushPipeline> = z.strictObject({
  namespace: z.string().min(1),
  repository: z.string().min(1).optional(),
  credentials: z.string().min(1).optional(),
  timeoutMinutes: z.int().min(1),
  keep: z.int().min(1),
});

const countedGateway: z.ZodType<CountedGateway> = z.union([
  z.strictObject({ namespace: z.string().min(1), name: z.string().min(1), api: z.enum(routeApis) }),
  z.strictObject({ url: z.url() }),
]);

const json = z.string().transform((text, { addIssue }) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    addIssue("is not JSON");
    return z.NEVER;
  }
});

const environment = z.object({
  MENAGERIE_DATABASE_URL: z.string().min(1),
  MENAGERIE_MODELS_NAMESPACE: z.string().min(1),
  MENAGERIE_REQUIRE_API_KEY: z.enum(["true", "false"]).default("true"),
  /** The stack's own key: opens everything. */
  MENAGERIE_ADMIN_KEY: z.string().min(32),
  /** Key of what the service signs itself: ping addresses, upload credentials. */
  MENAGERIE_SIGNING_KEY: z.string().min(32),
  /** Bytes of a request's body. */
  MENAGERIE_MAX_BODY_BYTES: wholeNumber(1, 2 ** 31).default(64 * 1024 * 1024),
  /** Until a model begins to answer, in seconds. */
  MENAGERIE_PREDICT_TIMEOUT_SECONDS: wholeNumber(1, 3600).default(300),
  /** Whether the limits of keys and organizations hold. */
  MENAGERIE_LIMITS: z.enum(["true", "false"]).default("true"),
  MENAGERIE_SERVICES_NAMESPACE: z.string().min(1).default("menagerie"),
  /** Where what clients push is built, with the token for it; both or neither. */
  MENAGERIE_BUILD_URL: z.url().optional(),
  MENAGERIE_BUILD_TOKEN: z.string().min(32).optional(),
  /** In the place of both: the stack's Pipeline, as JSON. */
  MENAGERIE_BUILD_PIPELINE: json.pipe(pipeline).optional(),
  /** Virtual environment of the truss library in the services' image, where images are pushed to a registry. */
  MENAGERIE_TRUSS: z.string().startsWith("/").default("/opt/truss"),
  /** Where the contexts of those images are made. */
  MENAGERIE_BUILD_FOLDER: z.string().startsWith("/").default(buildsFolder),
  /** Where uploads are kept until they are built: a folder of the pod, or a bucket. */
  MENAGERIE_UPLOADS: z.string().startsWith("/").optional(),
  MENAGERIE_UPLOADS_ENDPOINT: z.url().optional(),
  MENAGERIE_UPLOADS_BUCKET: z.string().min(1).optional(),
  MENAGERIE_UPLOADS_REGION: z.string().min(1).default("us-east-1"),
  MENAGERIE_UPLOADS_PREFIX: z.string().default(""),
  MENAGERIE_UPLOADS_ACCESS_KEY_ID: z.string().min(1).optional(),
  MENAGERIE_UPLOADS_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  /** Name of the service's own pod. */
  MENAGERIE_POD: z.string().min(1).optional(),
  /** The gateway whose answers are counted: the Gateway, or the address of a gateway's statistics; as JSON. Nothing: none are. */
  MENAGERIE_COUNTED_GATEWAY: json.pipe(countedGateway).optional(),
  /** A Prometheus that scrapes the gateway's pods, asked in their place, and its token. */
  MENAGERIE_PROMETHEUS_URL: z.url().optional(),
  MENAGERIE_PROMETHEUS_TOKEN: z.string().min(1).optional(),
  /** Of the port for requests to versions that may sleep. */
  MENAGERIE_ACTIVATOR_PORT: wholeNumber(0, 65_535).default(activatorPort),
  /** Of the port for copies of requests to them. */
  MENAGERIE_COPIES_PORT: wholeNumber(0, 65_535).default(copiesPort),
  /** Of the port for requests of batches to versions whose requests are counted apart. */
  MENAGERIE_BATCHES_PORT: wholeNumber(0, 65_535).default(batchesPort),
  PORT: wholeNumber(0, 65_535).default(8080),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
});

function pushesOf(values: z.output<typeof environment>): ApiSettings["pushes"] {
  const { MENAGERIE_BUILD_URL: url, MENAGERIE_BUILD_TOKEN: token } = values;
  const { MENAGERIE_BUILD_PIPELINE: stackPipeline, MENAGERIE_TRUSS: truss, MENAGERIE_BUILD_FOLDER: folder } = values;
  const uploads = uploadsOf(values);
  if (uploads === undefined) return undefined;
  if (stackPipeline) return { build: { pipeline: stackPipeline, truss, folder }, uploads };
  return url === undefined || token === undefined ? undefined : { build: { url, token }, uploads };
}

/** Builds by the stack's Pipeline. */
export interface PipelineBuilds {
  readonly pipeline: PushPipeline;
  /** Virtual environment of the truss library. */
  readonly truss: string;
  /** Where build contexts are made. */
  readonly folder: string;
}

function uploadsOf(values: z.output<typeof environment>): UploadSettings | undefined {
  const { MENAGERIE_UPLOADS: folder, MENAGERIE_UPLOADS_ENDPOINT: endpoint, MENAGERIE_UPLOADS_BUCKET: name } = values;
  const { MENAGERIE_UPLOADS_ACCESS_KEY_ID: accessKeyId, MENAGERIE_UPLOADS_SECRET_ACCESS_KEY: secretAccessKey } = values;
  const { MENAGERIE_UPLOADS_REGION: region, MENAGERIE_UPLOADS_PREFIX: prefix } = values;
  if (endpoint === undefined || name === undefined || accessKeyId === undefined || secretAccessKey === undefined)
    return folder === undefined ? undefined : { folder };
  return { bucket: { endpoint, name, region, prefix, accessKeyId, secretAccessKey } };
}

/** Where uploads are kept until they are built: a folder, or a bucket. */
export type UploadSettings = { readonly folder: string } | { readonly bucket: Bucket };

/** What the API service runs with. */
export interface ApiSettings {
  readonly database: DatabaseServer;
  readonly modelsNamespace: string;
  /** Namespace that the service itself runs in. */
  readonly servicesNamespace: string;
  readonly requireApiKey: boolean;
  /** A secret. */
  readonly adminKey: string;
  /** A secret. */
  readonly signingKey: string;
  /** Bytes. */
  readonly maxBodyBytes: number;
  /** Milliseconds. */
  readonly predictTimeoutMs: number;
  /** Where pushes are built, and where their uploads are kept; undefined where clients cannot push. */
  readonly pushes: { readonly build: BuildAddress | PipelineBuilds; readonly uploads: UploadSettings } | undefined;
  /** Whether the limits of keys and organizations hold. */
  readonly holdsLimits: boolean;
  /** Name of the pod. */
  readonly pod: string;
  /** Whose answers are counted; undefined for nobody's. */
  readonly countedGateway: CountedGateway | undefined;
  /** Asked in the place of the gateway's pods. */
  readonly prometheus: Prometheus | undefined;
  readonly port: number;
  /** For requests to versions that may sleep. */
  readonly activatorPort: number;
  readonly copiesPort: number;
  readonly batchesPort: number;
  readonly logLevel: string;
}

/** Settings from environment variables. Throws an `OperatorError` that names the wrong ones, never their values. */
export function readSettings(env: NodeJS.ProcessEnv): ApiSettings {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw refuse("api.settings", { wrong: wrong.join("; ") });
  }
  const values = parsed.data;
  return {
    database: serverFromUrl(values.MENAGERIE_DATABASE_URL, "MENAGERIE_DATABASE_URL"),
    modelsNamespace: values.MENAGERIE_MODELS_NAMESPACE,
    servicesNamespace: values.MENAGERIE_SERVICES_NAMESPACE,
    pushes: pushesOf(values),
    requireApiKey: values.MENAGERIE_REQUIRE_API_KEY === "true",
    adminKey: values.MENAGERIE_ADMIN_KEY,
    signingKey: values.MENAGERIE_SIGNING_KEY,
    maxBodyBytes: values.MENAGERIE_MAX_BODY_BYTES,
    predictTimeoutMs: values.MENAGERIE_PREDICT_TIMEOUT_SECONDS * 1000,
    holdsLimits: values.MENAGERIE_LIMITS === "true",
    pod: values.MENAGERIE_POD ?? hostname(),
    countedGateway: values.MENAGERIE_COUNTED_GATEWAY,
    prometheus: values.MENAGERIE_PROMETHEUS_URL
      ? { url: values.MENAGERIE_PROMETHEUS_URL.replace(/\/+$/, ""), bearerToken: values.MENAGERIE_PROMETHEUS_TOKEN }
      : undefined,
    port: values.PORT,
    activatorPort: values.MENAGERIE_ACTIVATOR_PORT,
    copiesPort: values.MENAGERIE_COPIES_PORT,
    batchesPort: values.MENAGERIE_BATCHES_PORT,
    logLevel: values.LOG_LEVEL,
  };
}
