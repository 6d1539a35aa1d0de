import type { IncomingHttpHeaders } from "node:http";
import type { StoredKey } from "../../adapters/postgres/apiKeys.ts";
import { type KeyScope, keyHash, keyPrefix, may, opens, sameHash } from "../../domain/access/apiKey.ts";
import { batchPurpose, purposeHeader } from "../../domain/access/purpose.ts";
import { versionHeader } from "../../domain/serving/activator.ts";
import { type RolloutSide, rolloutSides } from "../../domain/zoo/traffic.ts";
import { ApiError } from "./apiError.ts";

/** Who may predict. */
export interface Access {
  /** Whether requests without a key are refused; a wrong key always is. */
  readonly required: boolean;
  /** The key with a prefix, unless it is revoked. */
  readonly find: (prefix: string) => Promise<StoredKey | undefined>;
  /**
   * Hash of the stack's own key, which opens everything.
   * @default there is none
   */
  readonly adminKeyHash?: Uint8Array | undefined;
}

/** Who asks: what the key opens, and the key itself where it is stored. */
export interface Caller {
  readonly scope: KeyScope;
  /** As records name them: `key Ab12Cd34`, or `the stack`. */
  readonly name: string;
  /** @default the stack's own key */
  readonly key?: Pick<StoredKey, "id" | "limits">;
}

/** The scope of the key that a request carries, see {@link identify}. */
export async function authenticate(headers: IncomingHttpHeaders, access: Access): Promise<KeyScope | undefined> {
  return (await identify(headers, access))?.scope;
}

/**
 * Whose key a request carries, as `x-api-key: <key>` or `Authorization: Api-Key <key>` (or `Bearer`); undefined for a
 * request without one where none is required.
 */
export async function identify(headers: IncomingHttpHeaders, access: Access): Promise<Caller | undefined> {
  const key = keyOf(headers);
  if (key === undefined) {
    if (!access.required) return undefined;
    throw new ApiError("missing_api_key", "this needs an API key: send x-api-key, or Authorization: Api-Key <key>");
  }
  if (access.adminKeyHash && sameHash(access.adminKeyHash, keyHash(key)))
    return { scope: { admin: true }, name: "the stack" };
  const prefix = keyPrefix(key);
  const stored = prefix === undefined ? undefined : await access.find(prefix);
  if (!stored || !sameHash(stored.hash, keyHash(key))) {
    throw new ApiError("invalid_api_key", "the API key is wrong or revoked");
  }
  if (stored.role !== undefined)
    throw new ApiError("key_scope", `the API key has role ${stored.role}: it opens the console, and no model`);
  return { scope: { ...stored.scope, rights: stored.rights }, name: `key ${prefix}`, key: stored };
}

/** Whether requests with a key of this scope may be those of a batch. */
export function mayBatch(scope: KeyScope | undefined): boolean {
  return scope !== undefined && may(scope, "batch");
}

/** Whether a request is one of a batch: it says so, and its key may make some. */
export function isOfBatch(headers: IncomingHttpHeaders, scope: KeyScope | undefined): boolean {
  return headers[purposeHeader] === batchPurpose && mayBatch(scope);
}

/** Whether requests with a key of this scope may say which version of a rollout answers: that of whoever may move rollouts. */
export function mayChooseSide(scope: KeyScope | undefined): boolean {
  return scope !== undefined && may(scope, "operate");
}

/** The version of a rollout that a request is for, where its key may choose one; of others the header means nothing. */
export function sideAsked(headers: IncomingHttpHeaders, scope: KeyScope | undefined): RolloutSide | undefined {
  return mayChooseSide(scope) ? rolloutSides.find((side) => side === headers[versionHeader]) : undefined;
}

/** Refuses a model that is outside the key's scope. */
export function authorize(
  scope: KeyScope | undefined,
  model: { readonly id: string; readonly organizationId: string },
): void {
  authorizeAny(scope, [model], model.id);
}

/** Refuses a request for what one of `models` answers, if the key's scope has none of them. `called` is for the sentence. */
export function authorizeAny(
  scope: KeyScope | undefined,
  models: readonly { readonly id: string; readonly organizationId: string }[],
  called: string,
): void {
  if (scope === undefined || models.some((model) => opens(scope, model))) return;
  throw new ApiError("key_scope", `the API key is not for model ${called}`);
}

function keyOf(headers: IncomingHttpHeaders): string | undefined {
  const own = headers["x-api-key"];
  if (own !== undefined) return String(own);
  return /^(?:Api-Key|Bearer)\s+(.*)$/i.exec(headers.authorization ?? "")?.[1]?.trim();
}
