import { randomUUID } from "node:crypto";
import type { PlatformModel } from "../../adapters/postgres/models.ts";
import { organizationHeader } from "../../domain/access/organizationHeader.ts";
import { purposeHeader } from "../../domain/access/purpose.ts";
import { claimHeader, sealClaim } from "../../domain/limits/claim.ts";
import { predictionAsked } from "../../domain/protocols/asked.ts";
import { isClosedPath } from "../../domain/protocols/ownPaths.ts";
import { versionHeader } from "../../domain/serving/activator.ts";
import { servingRoot } from "../../domain/serving/servedModel.ts";
import { type Access, authorizeAny, identify, mayBatch, mayChooseSide } from "./access.ts";
import { ApiError } from "./apiError.ts";
import { type LimitParts, letIn } from "./limits/countedRequest.ts";
import { limitedBy } from "./limits/limitedBy.ts";
import type { Route } from "./route.ts";

export interface AuthorizeParts {
  readonly access: Access;
  /** Namespace that models are served in. */
  readonly modelsNamespace: string;
  /** Models of the platform that a name at the gateway may stand for. */
  readonly served: (name: string) => Promise<PlatformModel>;
  /**
   * What requests are counted and limited by.
   * @default nobody is limited, and nothing is counted
   */
  readonly limits?: LimitParts | undefined;
  /** By which claims are signed. A secret. */
  readonly signingKey: string;
}

/** What a gateway puts before the path of a request that it asks about. */
export const authorizePrefix = "/authorize";

/**
 * Header of an answer that lets a request pass, by which Envoy takes headers from it before it goes on (its external authorization by
 * HTTP, https://github.com/envoyproxy/envoy/pull/12984).
 */
const removedHeaders = "x-envoy-auth-headers-to-remove";

/** Below the root of the models: a model's name, and its path, of which routes take what the model serves. */
const asked = /^\/([a-z0-9-]+)(\/.+)$/;

/**
 * Whether a gateway may let a request for a model pass: `/authorize<path>`, with the request's own method and headers and without its
 * body, as Envoy's external authorization by HTTP asks (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter):
 * 200 lets it pass, any other answer below 500 goes to the client as it is.
 *
 * Where the answer tells of tokens, the gateway hands the model's recorder a claim, by which it reports them. The body is not here, so what
 * is reserved for them is the model's limit.
 *
 * It is also told whose the request is, which only a key says.
 *
 * Everything below `/serving/` is the platform's. What has no row, such as a shadow deployment, is opened by keys of its organization.
 */
export function authorizeRoute({ access, modelsNamespace, served, limits, signingKey }: AuthorizeParts): Route {
  const root = `${authorizePrefix}${servingRoot(modelsNamespace)}`;
  return {
    prefix: `${authorizePrefix}/`,
    async handle(request, response, { path }) {
      request.resume();
      const caller = await identify(request.headers, access);
      const [, name, inner = ""] = (path.startsWith(root) && asked.exec(path.slice(root.length))) || [];
      if (name === undefined || isClosedPath(inner)) {
        throw new ApiError("not_found", `no model is served at ${path.slice(authorizePrefix.length, 200)}`);
      }
      const model = await served(name);
      const { ids, organizationId } = model;
      // An id that no row has: what it opens is left to the organization.
      const models = ids.length > 0 ? ids : ["0"];
      authorizeAny(
        caller?.scope,
        models.map((id) => ({ id, organizationId })),
        name,
      );
      const operation = predictionAsked(request.method ?? "", inner);
      const admitted =
        limits &&
        (await letIn(limits, response, {
          limited: limitedBy(caller, model),
          of: { organization: organizationId, app: "0", model: name },
          operation,
          maxTokens: model.maxTokens,
        }));
      // The gateway sends neither a request's purpose here nor the version that it asks, so both are removed unless the key allows them; claims
      // and organizations are the service's own.
      const removed = [
        ...(mayBatch(caller?.scope) ? [] : [purposeHeader]),
        ...(mayChooseSide(caller?.scope) ? [] : [versionHeader]),
      ];
      if (admitted && operation?.tokens) {
        const claim = { id: randomUUID(), ...admitted.of, reserved: [...admitted.reserved] };
        response.setHeader(claimHeader, sealClaim(claim, signingKey));
      } else removed.push(claimHeader);
      if (caller) response.setHeader(organizationHeader, organizationId);
      else removed.push(organizationHeader);
      if (removed.length > 0) response.setHeader(removedHeaders, removed.join(","));
      response.writeHead(200, { "content-length": "0" }).end();
    },
  };
}
