import type { IncomingMessage, ServerResponse } from "node:http";
import { claimHeader, openClaim } from "../../../domain/limits/claim.ts";
import { predictionAsked } from "../../../domain/protocols/asked.ts";
import { type CountedRequest, countTokens, type LimitParts } from "./countedRequest.ts";

/** Counts the tokens of a request that the gateway let pass, where it passes this process and no recorder; undefined where it has no claim. */
export function settleClaim(
  { limits, signingKey }: { readonly limits?: LimitParts | undefined; readonly signingKey: string },
  request: IncomingMessage,
  response: ServerResponse,
  inner: string,
): CountedRequest | undefined {
  const sealed = request.headers[claimHeader];
  const operation = predictionAsked(request.method ?? "", inner);
  const claim = limits && typeof sealed === "string" ? openClaim(sealed, signingKey) : undefined;
  if (!limits || !claim || !operation?.tokens) return undefined;
  const observer = countTokens(response, operation, (tokens) => limits.counts.claim(claim, tokens));
  return { needsBody: false, observer, letIn: async () => {} };
}
