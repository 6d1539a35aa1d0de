import type { IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { DevelopmentVersion } from "../../../adapters/postgres/developmentVersions.ts";
import type { VersionCluster } from "../../../domain/development/ports.ts";
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
import type { Waking } from "../sleep/waking.ts";
import { type CountRequest, countAnswer } from "../traffic/countAnswer.ts";

export interface ActivatorParts {
  readonly access: Access;
  readonly find: (versionId: string) => Promise<DevelopmentVersion | undefined>;
  readonly cluster: VersionCluster;
  readonly waking: Pick<Waking, "during">;
  /** Counts what is answered for versions. */
  readonly count: CountRequest;
  readonly dispatcher: Dispatcher;
  /** @default nothing is counted */
  readonly limits?: LimitParts | undefined;
  /** By which claims are signed. A secret. */
  readonly signingKey: string;
  /** Bytes. */
  readonly maxBodyBytes: number;
  /** Until the model begins to answer, in milliseconds. */
  readonly timeoutMs: number;
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

/** A service that was just applied is not known yet, for so long. Milliseconds. */
const unknownFor = 3_000;

/** A stopped version is started, a new pod gets its patches, and the request waits for that; then it goes to the pod. */
export function createActivator(parts: ActivatorParts): Activator {
  const { cluster, waking, dispatcher, maxBodyBytes, timeoutMs } = parts;
  return {
    async activate(request, response, { version, inner, requestId, isOfBatch, counted: limited }) {
      if (leadsOut(inner)) throw new ApiError("not_found", `there is no ${inner.slice(0, 200)}`);
      requirePredictionMethod(request);
      const answering = async () => {
        const service = await deployed(cluster, version);
        await waking.during(service, response, async (open) => {
          let origin = "";
          const opened = async (): Promise<void> => {
            await open();
            const pod = cluster.pod(version.id);
            if (!pod) throw new ApiError("model_unavailable", `the pod of ${version.model} has just gone; try again`);
            origin = pod.url;
          };
          // A request that a limit refuses wakes nothing.
          const letIn = async (body?: Uint8Array): Promise<void> => {
            await limited?.letIn(body);
            await opened();
          };
          if (!limited?.needsBody) await letIn();
          await forward(request, response, {
            dispatcher,
            origin: () => origin,
            requestId,
            isOfBatch,
            timeoutMs,
            maxBodyBytes,
            model: `development version of ${version.model}`,
            observer: limited?.observer,
            letIn: limited?.needsBody ? letIn : undefined,
            path: withoutQueryKeys(inner + (/\?.*$/s.exec(request.url ?? "")?.[0] ?? "")),
          });
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

/** Name of the version's InferenceService. */
async function deployed(cluster: VersionCluster, { id, model }: DevelopmentVersion): Promise<string> {
  for (const begun = performance.now(); performance.now() - begun < unknownFor; await cluster.changed(unknownFor)) {
    const name = cluster.service(id)?.name;
    if (name !== undefined) return name;
  }
  const why = cluster.isListed() ? "it is not deployed" : "the cluster does not answer";
  throw new ApiError("model_unavailable", `${model} does not answer: ${why}`);
}

function requirePredictionMethod(request: IncomingMessage): void {
  if (request.method === "GET" || request.method === "POST") return;
  throw new ApiError("method_not_allowed", `${request.method} is not possible here; use POST`);
}
