import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Dispatcher } from "undici";
import type { PlatformModel, Pointer, RolloutSides } from "../../adapters/postgres/models.ts";
import { isDatabaseDown } from "../../adapters/postgres/server.ts";
import { OperatorError } from "../../domain/errors.ts";
import { operationAsked, predictionAsked } from "../../domain/protocols/asked.ts";
import { sidesPath } from "../../domain/serving/askedSide.ts";
import { servingRoot } from "../../domain/serving/servedModel.ts";
import { versionedName } from "../../domain/zoo/plan.ts";
import { acceptUpgrades, isWebSocket } from "../forwarding/upgrade.ts";
import { type Access, authorize, type Caller, identify, isOfBatch, sideAsked } from "./access.ts";
import { ApiError } from "./apiError.ts";
import { type AppRequest, appRequest, listedModel } from "./appRequest.ts";
import type { controlCopies } from "./controlCopies.ts";
import { forward } from "./forward.ts";
import { countedRequest, type LimitParts } from "./limits/countedRequest.ts";
import { limitedBy } from "./limits/limitedBy.ts";
import type { Metrics } from "./metrics.ts";
import { sendJson } from "./requestBody.ts";
import type { Route } from "./route.ts";
import type { Waking } from "./sleep/waking.ts";
import { type CountRequest, countAnswer } from "./traffic/countAnswer.ts";

/** What the server works with. */
export interface ApiParts {
  readonly access: Access;
  /** Follows a model's pointer; undefined when there is no such model. */
  readonly pointer: (modelId: string) => Promise<Pointer | undefined>;
  /**
   * The versions of a zoo model's rollout; undefined where none is under way.
   * @default nobody may choose one
   */
  readonly sides?: ((modelId: string) => Promise<RolloutSides | undefined>) | undefined;
  /**
   * The models' namespace, and the platform's models that a name at the gateway may stand for: a gateway passes on what is asked of one version.
   * @default models are asked by their ids alone
   */
  readonly atGateway?: { readonly namespace: string; readonly served: (name: string) => Promise<PlatformModel> };
  /** Throws when the database does not answer. */
  readonly checkDatabase: () => Promise<void>;
  /** Origin that one version of a zoo model takes predictions at. */
  readonly originOf: (serving: NonNullable<Pointer["serving"]>) => string;
  /** Wakes versions that sleep. @default none does */
  readonly waking?: Waking | undefined;
  readonly predictPath: string;
  readonly dispatcher: Dispatcher;
  /** Copies requests for a rollout's judge. @default nobody judges */
  readonly copies?: ReturnType<typeof controlCopies> | undefined;
  readonly metrics: Metrics;
  /** Counts what is answered for versions. */
  readonly count: CountRequest;
  readonly log: Logger;
  /** Bytes. */
  readonly maxBodyBytes: number;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /**
   * What it answers besides predictions.
   * @default nothing
   */
  readonly routes?: readonly Route[];
  /**
   * What predictions are counted and limited by.
   * @default nobody is limited, and nothing is counted
   */
  readonly limits?: LimitParts | undefined;
  /** True once the process was told to end. */
  readonly stopping: () => boolean;
}

/** What recorders use as a key, so a request id is a UUID or is replaced by one. */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The API service's HTTP server; not listening yet. */
export function createApiServer(parts: ApiParts): Server {
  const server = createServer({ shouldUpgradeCallback: isWebSocket }, (request, response) => {
    const given = String(request.headers["x-request-id"] ?? "");
    const requestId = uuid.test(given) ? given : randomUUID();
    response.setHeader("x-request-id", requestId);
    if (parts.stopping()) response.setHeader("connection", "close");
    answer(parts, request, response, requestId).catch((error: unknown) =>
      refuse(parts.log, response, error, requestId),
    );
  });
  acceptUpgrades(server);
  // Bodies of predictions may take as long as they need; heads may not.
  server.headersTimeout = 10_000;
  server.requestTimeout = 0;
  // Longer than what load balancers keep connections for, so that none is closed under a request.
  server.keepAliveTimeout = 75_000;
  return server;
}

async function answer(
  parts: ApiParts,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  switch (path) {
    case "/healthz":
      return sendText(response, "ok\n");
    case "/readyz":
      if (parts.stopping()) throw new ApiError("stopping", "the service is ending");
      await orUnavailable(parts.checkDatabase());
      return sendText(response, "ok\n");
    case "/metrics":
      return sendText(response, await parts.metrics.registry.metrics(), parts.metrics.registry.contentType);
    default:
  }
  const route = parts.routes?.find(({ prefix }) => path.startsWith(prefix));
  if (route) return route.handle(request, response, { path, requestId });
  const url = await byId(request.url ?? "/", parts);
  const asked = appRequest(url.split("?", 1)[0] ?? "/", url, parts.predictPath);
  if (!asked) throw noSuchPath(path);
  if (asked.asks !== "own" && request.method !== asked.method) {
    response.setHeader("allow", asked.method);
    throw new ApiError("method_not_allowed", `${request.method} is not possible here; use ${asked.method}`);
  }
  if (asked.asks === "models") sendJson(response, await models(parts, request, asked));
  else await predict(parts, request, response, { ...asked, requestId });
}

/** An id that no row has: whoever has no key for a name is not told what exists. */
const noRow = "9".repeat(18);

/** The url of a request for a model by its id, where a gateway passed it on by the model's name. */
async function byId(url: string, { atGateway }: Pick<ApiParts, "atGateway">): Promise<string> {
  const root = atGateway && `${sidesPath}${servingRoot(atGateway.namespace)}/`;
  if (!atGateway || !root || !url.startsWith(root)) return url;
  const [, name = "", inner = ""] = /^([a-z0-9-]+)(\/.*)$/.exec(url.slice(root.length)) ?? [];
  const { ids } = await orUnavailable(atGateway.served(name));
  return `/models/${ids[0] ?? noRow}${inner}`;
}

/** @param own - paths of the model's own that it could have been */
function noSuchPath(path: string, own: readonly string[] = []): ApiError {
  const others = own.length === 0 ? "" : `; this model's own paths are ${own.join(", ")}`;
  return new ApiError(
    "not_found",
    `there is no ${path.slice(0, 200)}; predict by POST /models/<id>/predict, and by what protocols have, such as POST /models/<id>/v1/chat/completions${others}`,
  );
}

/** An app is one model to its clients, whatever answers for it. */
async function models(
  parts: ApiParts,
  request: IncomingMessage,
  { id, name }: Extract<AppRequest, { asks: "models" }>,
): Promise<unknown> {
  const model = listedModel((await permitted(parts, request, id)).pointer);
  if (name === undefined) return { object: "list", data: [model] };
  if (name === model.id) return model;
  throw new ApiError("not_found", `model ${id} is called "${model.id}"`);
}

/** The app or model that the request's key opens. A key for something else is not told what exists. */
async function permitted(
  parts: ApiParts,
  request: IncomingMessage,
  id: string,
): Promise<{ readonly pointer: Pointer; readonly caller: Caller | undefined }> {
  const caller = await orUnavailable(identify(request.headers, parts.access));
  const scope = caller?.scope;
  const pointer = await orUnavailable(parts.pointer(id));
  if (!pointer && scope) throw new ApiError("key_scope", `the API key is not for model ${id}`);
  if (!pointer) throw new ApiError("not_found", `there is no model ${id}`);
  authorize(scope, pointer);
  if (!pointer.versioned) throw new ApiError("not_found", `model ${id} was deleted, or is not made yet`);
  return { pointer, caller };
}

async function predict(
  parts: ApiParts,
  request: IncomingMessage,
  response: ServerResponse,
  { id, path, requestId, asks }: Exclude<AppRequest, { asks: "models" }> & { readonly requestId: string },
): Promise<void> {
  const { metrics } = parts;
  const startedAt = performance.now();
  let serving: Pointer["serving"];
  metrics.inFlight.inc();
  response.once("close", () => {
    const seconds = (performance.now() - startedAt) / 1000;
    const { model = "", number } = serving ?? {};
    const status = response.headersSent ? response.statusCode : 499;
    metrics.inFlight.dec();
    parts.log.info({ requestId, modelId: id, servedBy: model, version: number, status, seconds }, "prediction");
  });
  const { pointer, caller } = await permitted(parts, request, id);
  const side = sideAsked(request.headers, caller?.scope);
  const isBatch = side !== undefined || isOfBatch(request.headers, caller?.scope);
  serving = side === undefined ? pointer.serving : (await orUnavailable(sidesOf(parts, pointer)))[side];
  if (!serving) throw new ApiError("no_version", `model ${id} has no current version`);
  if (asks === "own" && !operationAsked(path, serving.paths)) throw noSuchPath(`/models/${id}${path}`, serving.paths);
  const counted =
    parts.limits &&
    countedRequest(parts.limits, response, {
      limited: limitedBy(caller, pointer),
      of: { organization: pointer.organizationId, app: pointer.isApp ? id : "0", model: serving.model },
      operation: predictionAsked(request.method ?? "", path, serving.paths),
      maxTokens: serving.maxTokens,
    });
  // A body that is too large is refused before, and not counted.
  const letIn = async (body?: Uint8Array): Promise<void> => counted && orUnavailable(counted.letIn(body));
  if (!counted?.needsBody) await letIn();
  const service = serving.service ?? versionedName(serving.model, serving.number);
  const to = {
    dispatcher: parts.dispatcher,
    origin: parts.originOf(serving),
    path,
    requestId,
    isOfBatch: isBatch,
    organizationId: serving.recorded ? pointer.organizationId : undefined,
    maxBodyBytes: parts.maxBodyBytes,
    timeoutMs: parts.timeoutMs,
    model: `${serving.model} version ${serving.number}`,
    observer: counted?.observer,
    copy: isBatch || !serving.control ? undefined : parts.copies?.(request, serving.control),
  };
  // A request that a limit refuses wakes nothing.
  const send = async (open: () => Promise<void> = async () => {}): Promise<void> => {
    const opened = (body?: Uint8Array) => letIn(body).then(open);
    if (!counted?.needsBody) await open();
    await forward(request, response, { ...to, letIn: counted?.needsBody ? opened : undefined });
  };
  const answering = metrics.versionLoad.during(service, () => parts.waking?.during(service, response, send) ?? send());
  // Nobody waits for the answers of a batch, and what an operator asks of a side was chosen: they say nothing of how users are served.
  if (isBatch) await answering;
  else await countAnswer(response, { count: parts.count, versionId: serving.versionId, startedAt }, answering);
}

async function sidesOf({ sides }: Pick<ApiParts, "sides">, { id, isApp }: Pointer): Promise<RolloutSides> {
  const found = isApp ? undefined : await sides?.(id);
  if (!found) throw new ApiError("no_version", `model ${id} has no rollout under way, so no old and new version`);
  return found;
}

/** What fails here, other than a refusal, is the database. */
async function orUnavailable<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError("database_unavailable", "the platform's database does not answer; try again", error);
  }
}

/** Answers with why a request is not answered otherwise; cuts off what was begun. */
export function refuse(log: Logger, response: ServerResponse, thrown: unknown, requestId: string): void {
  const error = asApiError(thrown);
  if (error.status >= 500 && error.code !== "stopping") {
    log[error.code === "internal" ? "error" : "warn"]({ requestId, code: error.code, err: error.cause }, error.message);
  }
  // Half an answer cannot be taken back: cutting it off is how the client learns.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error.code === "body_too_large") response.setHeader("connection", "close");
  response.writeHead(error.status, { "content-type": "application/json" });
  const { code, message, details } = error;
  response.end(`${JSON.stringify({ error: { code, type: error.type, message, requestId, ...details } })}\n`);
}

/** A caller's mistake that the domain found is told; everything else that is thrown is not. */
function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof OperatorError && thrown.exitCode === 2)
    return new ApiError("bad_request", thrown.message, thrown);
  if (isDatabaseDown(thrown)) {
    return new ApiError("database_unavailable", "the platform's database does not answer; try again", thrown);
  }
  return new ApiError("internal", "internal error", thrown);
}

function sendText(response: ServerResponse, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(200, { "content-type": type });
  response.end(text);
}
