import type { IncomingMessage, ServerResponse } from "node:http";
import type { Pool } from "pg";
import * as z from "zod";
import { findModel, listVersions } from "../../adapters/postgres/catalog.ts";
import type { DevelopmentVersion } from "../../adapters/postgres/developmentVersions.ts";
import type { PushStatus } from "../../adapters/postgres/pushes.ts";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import type { LogLine } from "../../domain/development/ports.ts";
import { defaultMaxTokens } from "../../domain/limits/reservation.ts";
import { predictionAsked } from "../../domain/protocols/asked.ts";
import { servedPrefixes } from "../../domain/protocols/operations.ts";
import { rowId } from "../../domain/rowId.ts";
import { type Access, type Caller, identify, isOfBatch } from "./access.ts";
import { ApiError } from "./apiError.ts";
import type { Activator } from "./development/activator.ts";
import { clientStatus } from "./development/clientStatus.ts";
import type { Versions } from "./development/versions.ts";
import type { Deployments } from "./graphql/context.ts";
import { countedRequest, type LimitParts } from "./limits/countedRequest.ts";
import { limitedBy } from "./limits/limitedBy.ts";
import { readJson, sendJson } from "./requestBody.ts";
import type { Route } from "./route.ts";

export interface ClientRestParts {
  readonly pool: Pool;
  readonly access: Access;
  readonly versions: Versions;
  readonly activator: Activator;
  readonly find: (versionId: string) => Promise<DevelopmentVersion | undefined>;
  readonly deployments?: Deployments | undefined;
  /** @default nobody is limited, and nothing is counted */
  readonly limits?: LimitParts | undefined;
  /** The last lines of a version's log, the oldest first; none where it does not run. */
  readonly logs: (versionId: string, lines: number) => Promise<readonly LogLine[]>;
}

const deploymentPath = new RegExp(`^/v1/models/(${rowId})/deployments/(${rowId})(/logs)?$`);
const hostPath = new RegExp(
  String.raw`^/hosts/(${rowId})/development/(wake|predict|sync((?:${servedPrefixes.join("|")})[^\\]*))$`,
);
/**
 * A client that reads of a failure ends at once, and reads the log, where the reason is, every two seconds (`--tail`): so the reason is
 * there for so long before, in milliseconds.
 */
const reasonFirst = 5_000;

/** Times in milliseconds since 1970. */
const logQuestion = z.object({
  start_epoch_millis: z.number().nullish(),
  end_epoch_millis: z.number().nullish(),
  limit: z.number().int().min(1).max(1000).nullish(),
});

/** `/v1/models/<m>/deployments/<v>` and its log, as the truss client asks while it waits (`rest_client.py` of 0.18.35). */
export function deploymentsRoute(parts: ClientRestParts): Route {
  return {
    prefix: "/v1/models/",
    async handle(request, response, { path }) {
      const [, modelId = "", versionId = "", logs] = deploymentPath.exec(path) ?? [];
      if (modelId === "") throw new ApiError("not_found", `there is no ${path.slice(0, 200)}`);
      const { version } = await developmentVersion(parts, request, modelId);
      if (version.id !== versionId)
        throw new ApiError("not_found", `model ${modelId} has no development version ${versionId}`);
      if (logs) return sendLogs(parts, request, response, versionId);
      allow(request, "GET");
      const status = await statusOf(parts, version);
      return sendJson(response, {
        id: version.id,
        name: "development",
        model_id: version.modelId,
        status,
        is_development: true,
        is_production: false,
        is_primary: false,
        environment: null,
        active_replica_count: status === "ACTIVE" ? 1 : 0,
      });
    },
  };
}

/** `/hosts/<model>/development/…`: a model's hostname, as the client calls it to wake, to keep awake and to predict. */
export function hostsRoute(parts: ClientRestParts): Route {
  return {
    prefix: "/hosts/",
    async handle(request, response, context) {
      const [, modelId = "", action = "", inner = "/v1/models/model:predict"] = hostPath.exec(context.path) ?? [];
      if (modelId === "") throw new ApiError("not_found", `there is no ${context.path.slice(0, 200)}`);
      const { version, caller } = await developmentVersion(parts, request, modelId);
      if (action === "wake") {
        allow(request, "POST");
        const { state } = await parts.versions.wake(version);
        return sendJson(response, { status: clientStatus(state) }, 202);
      }
      const counted =
        parts.limits &&
        countedRequest(parts.limits, response, {
          limited: limitedBy(caller, version),
          of: { organization: version.organizationId, app: "0", model: version.model },
          operation: predictionAsked(request.method ?? "", inner),
          maxTokens: defaultMaxTokens,
        });
      const { requestId } = context;
      const isBatch = isOfBatch(request.headers, caller.scope);
      return parts.activator.activate(request, response, { version, inner, requestId, isOfBatch: isBatch, counted });
    },
  };
}

async function statusOf({ deployments, versions }: ClientRestParts, version: DevelopmentVersion): Promise<string> {
  const deployment = await deployments?.status(version.id);
  switch (deployment?.status) {
    case "building":
      return "BUILDING";
    case "deploying":
      return "DEPLOYING";
    case "failed":
      return Date.now() - deployment.at < reasonFirst ? "DEPLOYING" : "DEPLOY_FAILED";
    default:
      return clientStatus((await versions.status(version)).state);
  }
}

async function sendLogs(
  { logs, deployments }: ClientRestParts,
  request: IncomingMessage,
  response: ServerResponse,
  versionId: string,
): Promise<void> {
  allow(request, "POST");
  const { start_epoch_millis: from, end_epoch_millis: to, limit } = await readJson(request, 64 * 1024, logQuestion);
  const [lines, deployment] = await Promise.all([logs(versionId, 1000), deployments?.status(versionId)]);
  const within = lines.filter(({ at }) => (from == null || at >= from) && (to == null || at <= to));
  const answered = within
    .toReversed()
    .slice(0, limit ?? 1000)
    .map(({ nanoseconds, text, pod }) => ({ timestamp: nanoseconds, message: maskedText(text), replica: pod }));
  sendJson(response, { logs: [...failureOf(deployment), ...answered] });
}

/** Why a push was not deployed, as a line of its log: the one place where the truss client shows a reason. */
function failureOf(deployment: PushStatus | undefined) {
  if (deployment?.status !== "failed" || deployment.reason === null) return [];
  const timestamp = `${Math.floor(deployment.at)}000000`;
  return [{ timestamp, message: `not deployed: ${maskedText(deployment.reason)}`, replica: null }];
}

/** The development version of a model that the request's key opens; such requests always need one. */
async function developmentVersion(
  { pool, access, find }: ClientRestParts,
  request: IncomingMessage,
  modelId: string,
): Promise<{ readonly version: DevelopmentVersion; readonly caller: Caller }> {
  const caller = await identify(request.headers, { ...access, required: true });
  const scope = caller?.scope;
  const model = scope && (await findModel(pool, scope, { id: modelId }));
  if (!caller || !model) throw new ApiError("key_scope", `the API key is not for model ${modelId}`);
  const row = (await listVersions(pool, { modelId })).find(({ isDevelopment }) => isDevelopment);
  const version = row && (await find(row.id));
  if (!version) throw new ApiError("not_found", `model ${modelId} has no development version`);
  return { version, caller };
}

function allow(request: IncomingMessage, method: "GET" | "POST"): void {
  if (request.method !== method)
    throw new ApiError("method_not_allowed", `${request.method} is not possible here; use ${method}`);
}
