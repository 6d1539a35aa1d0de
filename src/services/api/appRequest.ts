import { operationAsked } from "../../domain/protocols/asked.ts";
import { leadsOut } from "../../domain/protocols/leadsOut.ts";
import { isClosedPath } from "../../domain/protocols/ownPaths.ts";
import { rowId } from "../../domain/rowId.ts";
import { withoutQueryKeys } from "../../domain/serving/queryKeys.ts";

/** What is asked of an app or model below `/models/<id>`. */
export type AppRequest =
  /** Something that models answer; `path` is that at the model, with its query. */
  | { readonly id: string; readonly asks: "prediction"; readonly method: "POST" | "GET"; readonly path: string }
  /** Perhaps a path of the model's own, which the version that the pointer leads to has or has not; `path` as above. */
  | { readonly id: string; readonly asks: "own"; readonly path: string }
  /** `GET /v1/models`, by which clients of OpenAI's API look for models; `name` where they ask for one of them. */
  | { readonly id: string; readonly asks: "models"; readonly method: "GET"; readonly name?: string };

const below = new RegExp(`^/models/(${rowId})(/.*)$`);
const modelsPath = /^(?:\/openai)?\/v1\/models(?:\/([^/]+))?$/;
/** By which a model of truss is asked for something else than HTTP requests. */
const socketPath = "/v1/websocket";

/**
 * Reads what a request to `/models/<id>/…` asks; undefined for what apps do not answer. `/predict` is `predictPath` at the model; all other
 * paths are those of the operations' table, or the model's own.
 *
 * @param path - without the query
 * @param url - with it
 */
export function appRequest(path: string, url: string, predictPath: string): AppRequest | undefined {
  const [, id = "", inner = ""] = below.exec(path) ?? [];
  if (inner === "/predict") return { id, asks: "prediction", method: "POST", path: predictPath };
  if (id === "" || leadsOut(inner)) return undefined;
  const atModel = withoutQueryKeys(inner + url.slice(path.length));
  if (operationAsked(inner)) return { id, asks: "prediction", method: "POST", path: atModel };
  if (inner === socketPath) return { id, asks: "prediction", method: "GET", path: atModel };
  const models = modelsPath.exec(inner);
  if (!models) return isClosedPath(inner) ? undefined : { id, asks: "own", path: atModel };
  const [, name] = models;
  return { id, asks: "models", method: "GET", ...(name === undefined ? {} : { name: decodeURIComponent(name) }) };
}

/** A model as OpenAI's clients read it (https://platform.openai.com/docs/api-reference/models). */
export function listedModel({ name, organization, createdAt }: ListedModel) {
  return { id: name, object: "model" as const, created: createdAt, owned_by: organization };
}

interface ListedModel {
  readonly name: string;
  readonly organization: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
}
