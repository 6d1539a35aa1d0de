import type { ServerResponse } from "node:http";
import type { LimitState } from "../../../domain/limits/limiter.ts";
import { isOfTokens, type LimitKind } from "../../../domain/limits/limits.ts";
import { retryHeaders } from "../../../domain/limits/rateHeaders.ts";
import type { Operation } from "../../../domain/protocols/operation.ts";
import { ApiError } from "../apiError.ts";

const said: Readonly<Record<LimitKind, string>> = {
  requestsPerMinute: "requests per minute",
  tokensPerMinute: "tokens per minute",
  tokensPerDay: "tokens per day",
};

/** The answer to a request that limits refuse: by the one that is open again last. Clients of OpenAI's API get it in that API's words. */
export function refusedByLimit(
  response: ServerResponse,
  by: readonly (LimitState & { readonly needed: number })[],
  operation: Operation | undefined,
): ApiError {
  const tooLarge = by.find(({ needed, limit }) => needed > limit);
  const last = tooLarge ?? by.reduce((latest, each) => (each.resetMs > latest.resetMs ? each : latest));
  const { subject, kind, limit, needed, remaining, resetMs } = last;
  const whose = subject.startsWith("key ") ? "this key" : "the organization";
  const what = `${limit} ${said[kind]} of ${whose}`;
  const words = operation?.protocol === "openai" ? openAiWords(kind) : {};
  if (tooLarge) {
    // Read by OpenAI's clients: no wait makes this request smaller.
    response.setHeader("x-should-retry", "false");
    const message = `the request may take ${needed} tokens, more than the limit of ${what}; ask for a shorter answer`;
    return new ApiError("rate_limited", message, undefined, words);
  }
  for (const [name, value] of Object.entries(retryHeaders(resetMs))) response.setHeader(name, value);
  const left = isOfTokens(kind) ? `: ${remaining} are left, and the request may take ${needed}` : "";
  const message = `the limit of ${what} is used up${left}; wait as Retry-After says`;
  return new ApiError("rate_limited", message, undefined, words);
}

function openAiWords(kind: LimitKind) {
  return { code: "rate_limit_exceeded", type: isOfTokens(kind) ? "tokens" : "requests", param: null };
}
