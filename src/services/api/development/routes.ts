import type { IncomingMessage } from "node:http";
import type * as z from "zod";
import type { DevelopmentVersion } from "../../../adapters/postgres/developmentVersions.ts";
import {
  type DeletedVersion,
  generationRequestSchema,
  patchRequestSchema,
  pingSchema,
} from "../../../domain/development/contract.ts";
import { isPingToken } from "../../../domain/development/pingToken.ts";
import { rowId } from "../../../domain/rowId.ts";
import { type Access, authenticate, authorize, type Caller, identify } from "../access.ts";
import { ApiError } from "../apiError.ts";
import type { Deployments } from "../graphql/context.ts";
import { readJson, sendJson } from "../requestBody.ts";
import type { Route } from "../route.ts";
import type { Versions } from "./versions.ts";

export interface DevelopmentRouteParts {
  readonly access: Access;
  readonly versions: Versions;
  /** Undefined where clients cannot push. */
  readonly deployments?: Deployments | undefined;
  readonly find: (versionId: string) => Promise<DevelopmentVersion | undefined>;
  /** Key of the tokens in ping addresses. */
  readonly signingKey: string;
  /** Bytes. */
  readonly maxBodyBytes: number;
}

const path = new RegExp(`^/v1/development/(${rowId})(?:/(patches|generations|sync|wake|ping/([0-9a-f]{64})))?$`);
/** Bytes of a body that says next to nothing. */
const smallBody = 64 * 1024;

/** `/v1/development/…`: what clients, stacks and the control servers themselves ask about development versions. */
export function developmentRoute(parts: DevelopmentRouteParts): Route {
  const { versions } = parts;
  return {
    prefix: "/v1/development/",
    async handle(request, response, context) {
      if (context.path === "/v1/development/") return sendJson(response, await listed(parts, request));
      const matched = path.exec(context.path);
      if (!matched) throw new ApiError("not_found", `there is no ${context.path.slice(0, 200)}`);
      const [, id = "", action = "", token] = matched;
      const isDeletion = action === "" && request.method === "DELETE";
      if (!isDeletion) refuseMethod(request, action === "" ? "GET" : "POST");
      if (token !== undefined) return ping(parts, id, token, request, (body) => sendJson(response, body));
      const { caller, version } = await permitted(parts, request, id);
      if (isDeletion) return sendJson(response, await deleted(parts, version));
      switch (action) {
        case "":
          return sendJson(response, await versions.status(version));
        case "patches":
          return sendJson(
            response,
            await versions.patch(version, await readJson(request, parts.maxBodyBytes, patchRequestSchema), caller.name),
          );
        case "generations":
          if (!("admin" in caller.scope))
            throw new ApiError("key_scope", "only the stack's own key starts generations");
          return sendJson(
            response,
            await versions.startGeneration(
              version,
              await readJson(request, parts.maxBodyBytes, generationRequestSchema),
            ),
          );
        case "sync":
          return sendJson(response, await versions.sync(version));
        default:
          return sendJson(response, await versions.wake(version));
      }
    },
  };
}

/** The version, where the request's key opens it. A key for something else is not told what exists. */
export async function permitted(
  { access, find }: Pick<DevelopmentRouteParts, "access" | "find">,
  request: Pick<IncomingMessage, "headers">,
  id: string,
): Promise<{ readonly caller: Caller; readonly version: DevelopmentVersion }> {
  const caller = await identify(request.headers, { ...access, required: true });
  if (!caller) throw new ApiError("missing_api_key", "this needs an API key");
  const { scope } = caller;
  const version = await find(id);
  if (!version) {
    if ("admin" in scope) throw new ApiError("not_found", `there is no development version ${id}`);
    throw new ApiError("key_scope", `the API key is not for version ${id}`);
  }
  authorize(scope, { id: version.modelId, organizationId: version.organizationId });
  return { caller, version };
}

/** Versions that clients pushed. */
async function listed({ access, deployments }: DevelopmentRouteParts, request: IncomingMessage) {
  refuseMethod(request, "GET");
  const scope = await authenticate(request.headers, { ...access, required: true });
  if (!scope) throw new ApiError("missing_api_key", "this needs an API key");
  return { versions: (await deployments?.list(scope)) ?? [] };
}

async function deleted({ deployments }: DevelopmentRouteParts, version: DevelopmentVersion): Promise<DeletedVersion> {
  if (deployments) return deployments.remove(version);
  const how = "take it out of menagerie:development and run `pulumi up`";
  throw new ApiError("declared_by_stack", `${version.model} is declared by the stack: ${how}`);
}

async function ping(
  { signingKey, versions, find }: DevelopmentRouteParts,
  id: string,
  token: string,
  request: IncomingMessage,
  send: (body: unknown) => void,
): Promise<void> {
  if (!isPingToken(signingKey, id, token)) throw new ApiError("invalid_api_key", "the ping address is wrong");
  const { truss_hash: hash } = await readJson(request, smallBody, pingSchema as z.ZodType<z.output<typeof pingSchema>>);
  if (!(await find(id))) throw new ApiError("not_found", `there is no development version ${id}`);
  send({ is_current: await versions.ping(id, hash ?? null) });
}

function refuseMethod(request: IncomingMessage, allowed: "GET" | "POST"): void {
  if (request.method === allowed) return;
  throw new ApiError("method_not_allowed", `${request.method} is not possible here; use ${allowed}`);
}
