import type { PlatformModel } from "../../adapters/postgres/models.ts";
import { purposeHeader } from "../../domain/access/purpose.ts";
import { isClosedPath } from "../../domain/protocols/ownPaths.ts";
import { servingRoot } from "../../domain/serving/servedModel.ts";
import { type Access, authenticate, authorizeAny, limitedSubject, mayBatch, refuseAboveLimit } from "./access.ts";
import { ApiError } from "./apiError.ts";
import type { Route } from "./route.ts";

export interface AuthorizeParts {
  readonly access: Access;
  /** Namespace that models are served in. */
  readonly modelsNamespace: string;
  /** Models of the platform that a name at the gateway may stand for. */
  readonly served: (name: string) => Promise<PlatformModel>;
  /**
   * The limit of predictions, see `ApiParts`.
   * @default nobody waits
   */
  readonly limit?: ((subject: string) => number) | undefined;
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
 * Everything below `/serving/` is the platform's. What has no row, such as a shadow deployment, is opened by keys of its organization.
 */
export function authorizeRoute({ access, modelsNamespace, served, limit }: AuthorizeParts): Route {
  const root = `${authorizePrefix}${servingRoot(modelsNamespace)}`;
  return {
    prefix: `${authorizePrefix}/`,
    async handle(request, response, { path }) {
      request.resume();
      const scope = await authenticate(request.headers, access);
      const [, name, inner = ""] = (path.startsWith(root) && asked.exec(path.slice(root.length))) || [];
      if (name === undefined || isClosedPath(inner)) {
        throw new ApiError("not_found", `no model is served at ${path.slice(authorizePrefix.length, 200)}`);
      }
      const { ids, organizationId } = await served(name);
      // An id that no row has: what it opens is left to the organization.
      const models = ids.length > 0 ? ids : ["0"];
      authorizeAny(
        scope,
        models.map((id) => ({ id, organizationId })),
        name,
      );
      refuseAboveLimit(response, limit, limitedSubject(request.headers, name));
      // What a request says of its purpose does not come here, so whoever may not say it has it taken away.
      if (!mayBatch(scope)) response.setHeader(removedHeaders, purposeHeader);
      response.writeHead(200, { "content-length": "0" }).end();
    },
  };
}
