import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Dispatcher } from "undici";
import type { DevelopmentVersion } from "../../../adapters/postgres/developmentVersions.ts";
import type { VersionCluster, VersionPod } from "../../../domain/development/ports.ts";
import { leadsOut } from "../../../domain/protocols/leadsOut.ts";
import { servedPrefixes } from "../../../domain/protocols/operations.ts";
import { rowId } from "../../../domain/rowId.ts";
import { withoutQueryKeys } from "../../../domain/serving/queryKeys.ts";
import { type Access, authenticate, authorize, isOfBatch } from "../access.ts";
import { ApiError } from "../apiError.ts";
import { forward } from "../forward.ts";
import type { CountedRequest, LimitParts } from "../limits/countedRequest.ts";
import { settleClaim } from "../limits/settleClaim.ts";
import type { Route } from "../route.ts";
import { type CountRequest, countAnswer } from "../traffic/countAnswer.ts";
import type { SyncOutcome } from "./syncToHead.ts";

export interface ActivatorParts {
  readonly access: Access;
  readonly find: (versionId: string) => Promise<DevelopmentVersion | undefined>;
  readonly cluster: VersionCluster;
  readonly syncToHead: (versionId: string) => Promise<SyncOutcome>;
  /** Remembers that a version is being used. */
  readonly touch: (versionId: string) => Promise<void>;
  /** Counts what is answered for versions. */
  readonly count: CountRequest;
  readonly dispatcher: Dispatcher;
  /** @default nothing is counted */
  readonly limits?: LimitParts | undefined;
  /** By which claims are signed. A secret. */
  readonly signingKey: string;
  /** @default nothing is logged */
  readonly log?: Logger;
  /** Bytes. */
  readonly maxBodyBytes: number;
  /** Until the model begins to answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How long a request waits for a version that starts. Milliseconds. @default 120_000 */
  readonly holdMs?: number;
  /** Requests that wait at the same time. @default 256 */
  readonly maxHeld?: number;
  /** A request that lives goes on counting as use so often, in milliseconds. @default 20_000 */
  readonly touchAgainMs?: number;
}

const path = new RegExp(String.raw`^/development/(${rowId})((?:${servedPrefixes.join("|")})[^\\]*)$`);

/** Passes requests on to development versions that may have to be started first. */
export interface Activator {
  /** `inner` is the path at the pod, such as `/v1/chat/completions`; the request's query goes with it. Rights are checked before. */
  activate(
    request: IncomingMessage,
    response: ServerResponse,
    to: {
      readonly version: DevelopmentVersion;
      readonly inner: string;
      readonly requestId: string;
      readonly isOfBatch: boolean;
      /** @default nobody counts its tokens here */
      readonly counted?: CountedRequest | undefined;
    },
  ): Promise<void>;
}

/** A stopped version is started, a new pod gets its patches, and the request waits for that; then it goes to the pod. */
export function createActivator(parts: ActivatorParts): Activator {
  const { holdMs = 120_000, maxHeld = 256, touchAgainMs = 20_000 } = parts;
  let held = 0;

  const ready = async (version: DevelopmentVersion): Promise<VersionPod> => {
    const pod = parts.cluster.pod(version.id);
    if (pod?.isReady) return pod;
    if (held >= maxHeld) throw new ApiError("model_unavailable", `${maxHeld} requests wait for models already`);
    held += 1;
    try {
      return await within(holdMs, version, started(parts, version));
    } finally {
      held -= 1;
    }
  };

  return {
    async activate(request, response, { version, inner, requestId, isOfBatch, counted: limited }) {
      if (leadsOut(inner)) throw new ApiError("not_found", `there is no ${inner.slice(0, 200)}`);
      requirePredictionMethod(request);
      // A use that is not recorded only lets the version stop early.
      const touch = () => void parts.touch(version.id).catch(() => {});
      touch();
      const living = setInterval(touch, touchAgainMs);
      // However it ends: a stream too, after hours.
      response.once("close", () => clearInterval(living));
      if (response.closed) clearInterval(living);
      const answering = async () => {
        const { url } = await ready(version);
        if (!limited?.needsBody) await limited?.letIn();
        await forward(request, response, {
          dispatcher: parts.dispatcher,
          origin: url,
          requestId,
          isOfBatch,
          timeoutMs: parts.timeoutMs,
          maxBodyBytes: parts.maxBodyBytes,
          model: `development version of ${version.model}`,
          observer: limited?.observer,
          letIn: limited?.needsBody ? limited.letIn : undefined,
          path: withoutQueryKeys(inner + (/\?.*$/s.exec(request.url ?? "")?.[0] ?? "")),
        });
      };
      const counted = { count: parts.count, versionId: version.id, startedAt: performance.now() };
      if (isOfBatch) await answering();
      else await countAnswer(response, counted, answering());
    },
  };
}

/** `/development/<versionId>/v1/…` and what else models serve: requests for a development version in Standard mode, from the gateway. */
export function activatorRoute(parts: ActivatorParts, activator: Activator): Route {
  return {
    prefix: "/development/",
    async handle(request, response, { path: asked, requestId }) {
      const [, id = "", inner = ""] = path.exec(asked) ?? [];
      if (id === "") throw new ApiError("not_found", `there is no ${asked.slice(0, 200)}`);
      const scope = await authenticate(request.headers, parts.access);
      const version = await parts.find(id);
      if (!version && scope && !("admin" in scope))
        throw new ApiError("key_scope", `the API key is not for version ${id}`);
      if (!version) throw new ApiError("not_found", `there is no development version ${id}`);
      authorize(scope, { id: version.modelId, organizationId: version.organizationId });
      const isBatch = isOfBatch(request.headers, scope);
      // The gateway has let it in, and nobody is between here and the model who could report its tokens.
      const counted = settleClaim(parts, request, response, inner);
      await activator.activate(request, response, { version, inner, requestId, isOfBatch: isBatch, counted });
    },
  };
}

/** Starts the version if it is stopped, and waits until its head answers. */
async function started({ cluster, syncToHead, log }: ActivatorParts, version: DevelopmentVersion): Promise<VersionPod> {
  const service = cluster.service(version.id);
  if (service?.isStopped) {
    await cluster.setStopped(service.name, false);
    // The watch tells of it a moment later; a sync would still see it stopped.
    for (let looks = 0; looks < 50 && cluster.service(version.id)?.isStopped; looks += 1) await cluster.changed(100);
  }
  const { state, reason } = await syncToHead(version.id);
  const pod = cluster.pod(version.id);
  if (state === "synced" && pod) return pod;
  // Callers of predictions are not those who patch: what an installer printed is not theirs to read.
  log?.warn({ versionId: version.id, state, reason }, "a request is not answered: its version does not come up");
  throw new ApiError("model_unavailable", `${version.model} does not answer (${state}); \`menagerie watch\` says why`);
}

async function within<T>(milliseconds: number, version: DevelopmentVersion, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new ApiError(
            "model_unavailable",
            `${version.model} has not started within ${milliseconds / 1000} s; try again`,
          ),
        ),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}

function requirePredictionMethod(request: IncomingMessage): void {
  if (request.method === "GET" || request.method === "POST") return;
  throw new ApiError("method_not_allowed", `${request.method} is not possible here; use POST`);
}
