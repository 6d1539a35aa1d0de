import type { ServerResponse } from "node:http";
import type { Limiter, Reserved } from "../../../domain/limits/limiter.ts";
import { isOfTokens, type Limited, limitsTokens } from "../../../domain/limits/limits.ts";
import { rateHeaders } from "../../../domain/limits/rateHeaders.ts";
import { reservationOf } from "../../../domain/limits/reservation.ts";
import type { TokenCount, UsageCounts, UsageOf } from "../../../domain/limits/usage.ts";
import type { TokenUsage } from "../../../domain/protocols/join.ts";
import type { Operation } from "../../../domain/protocols/operation.ts";
import { AnswerTokens } from "../../forwarding/answerTokens.ts";
import type { ExchangeObserver } from "../../forwarding/exchange.ts";
import { refusedByLimit } from "./refusedByLimit.ts";

/** What requests are counted and limited by. */
export interface LimitParts {
  /** @default nobody is limited */
  readonly limiter?: Limiter | undefined;
  readonly counts: UsageCounts;
  /** UTC day by the database's clock, such as `2026-11-21`. */
  readonly day: () => string;
  /** Told of each request that a limit refused. */
  readonly onRefused: (by: { readonly subject: string; readonly kind: string }) => void;
}

/** A request as it is limited. */
export interface LimitedRequest {
  readonly limited: readonly Limited[];
  readonly of: Omit<UsageOf, "day">;
  /** Undefined for what no protocol has, such as a WebSocket. */
  readonly operation: Operation | undefined;
  /** Tokens of the model's longest answer. */
  readonly maxTokens: number;
}

/** A request that was let in. */
export interface LetIn {
  readonly of: UsageOf;
  readonly reserved: readonly Reserved[];
}

/** Memory for answers of models that speak, until their tokens are read. */
const budget = { ofBody: 8 * 1024 ** 2, ofAll: 64 * 1024 ** 2, used: 0 };

/**
 * Lets a request in and counts it, and tells the client how its limits stand.
 *
 * @param body - whole, where it is at hand
 * @throws ApiError `rate_limited`
 */
export async function letIn(
  parts: LimitParts,
  response: ServerResponse,
  { limited, of, operation, maxTokens }: LimitedRequest,
  body?: Uint8Array,
): Promise<LetIn> {
  const counted = { ...of, day: parts.day() };
  let reserved: readonly Reserved[] = [];
  if (parts.limiter && limited.length > 0) {
    const reservation = operation?.tokens ? reservationOf(operation, body, maxTokens) : { tokens: 0, isAsked: false };
    // What only the model says is no reason to let nobody in.
    const tokens = reservation.isAsked ? reservation.tokens : Math.min(reservation.tokens, smallestOfTokens(limited));
    const admission = await parts.limiter.admit(limited, { tokens });
    for (const [name, value] of Object.entries(rateHeaders(admission.states))) response.setHeader(name, value);
    if (!admission.isAdmitted) {
      for (const by of admission.by) parts.onRefused(by);
      throw refusedByLimit(response, admission.by, operation);
    }
    reserved = admission.reserved;
  }
  parts.counts.request(counted);
  return { of: counted, reserved };
}

/** One request on its way to a model through this process, and its answer on the way back. */
export interface CountedRequest {
  /** Whether the request's body says how much is reserved: then it is let in with it. */
  readonly needsBody: boolean;
  /** Reads the answer along. */
  readonly observer: ExchangeObserver | undefined;
  /** Lets it in. @throws ApiError `rate_limited` */
  readonly letIn: (body?: Uint8Array) => Promise<void>;
}

/** A request that is let in, counted and settled by this process. */
export function countedRequest(parts: LimitParts, response: ServerResponse, request: LimitedRequest): CountedRequest {
  const { operation } = request;
  let admitted: LetIn | undefined;
  /** The client was gone before it was known whether its request is let in. */
  let isOver = false;
  const settle = ({ of, reserved }: LetIn, tokens: TokenCount | undefined): void => {
    if (!tokens) return;
    parts.counts.tokens(of, tokens);
    parts.limiter?.settle(reserved, tokens.in + tokens.out);
  };
  const observer = operation?.tokens
    ? countTokens(response, operation, (tokens) => {
        if (admitted) settle(admitted, tokens);
        // Nothing was sent, so nothing was said.
        else isOver = true;
      })
    : undefined;
  return {
    needsBody: operation?.tokens !== undefined && limitsTokens(request.limited) && parts.limiter !== undefined,
    observer,
    async letIn(body) {
      admitted = await letIn(parts, response, request, body);
      if (isOver) settle(admitted, { in: 0, out: 0 });
    },
  };
}

/**
 * Reads an answer along, and tells of its tokens once it is over: none where it is a refusal, undefined where nobody knows.
 */
export function countTokens(
  response: ServerResponse,
  operation: Operation,
  onEnd: (tokens: TokenCount | undefined) => void,
): ExchangeObserver {
  const answer = new AnswerTokens(operation, budget);
  const read = async (): Promise<void> => {
    const isRefused = response.headersSent && response.statusCode >= 400;
    const told = await answer.read(response.writableFinished);
    onEnd(isRefused ? { in: 0, out: 0 } : countOf(told));
  };
  if (response.closed) void read();
  else response.once("close", () => void read());
  return answer;
}

/** Undefined where the answer tells of none: what was reserved stays as used. */
export function countOf(told: TokenUsage | undefined): TokenCount | undefined {
  return told && { in: told.prompt ?? 0, out: told.completion ?? 0 };
}

function smallestOfTokens(limited: readonly Limited[]): number {
  const ofTokens = limited.flatMap(({ limits }) =>
    Object.entries(limits).flatMap(([kind, limit]) => (isOfTokens(kind as keyof typeof limits) ? [limit] : [])),
  );
  return Math.min(Number.MAX_SAFE_INTEGER, ...ofTokens);
}
