import { isMapping } from "../mapping.ts";
import type { WrittenResponse } from "./answerLine.ts";

/** What came of a request. */
export type Heard =
  | {
      readonly kind: "answer";
      readonly response: WrittenResponse;
      /** Of a server that wants to be left alone. */
      readonly retryAfterMs?: number | undefined;
    }
  /** Nobody took it: it was never sent. */
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "timeout" | "broken" | "too_long"; readonly reason: string };

/** Why a line has no answer that is a success. */
export interface LineFailure {
  readonly code: string;
  readonly message: string;
}

/** What follows from what came of a request. */
export type Verdict =
  | { readonly kind: "answered" }
  | { readonly kind: "failed"; readonly failure: LineFailure }
  /** It is sent again. `isOfAll`: what stands against it stands against every request. */
  | {
      readonly kind: "again";
      readonly failure: LineFailure;
      readonly isOfAll: boolean;
      readonly afterMs: number | undefined;
    }
  /** The platform takes no request with this key. */
  | { readonly kind: "key_refused"; readonly status: number; readonly message: string };

/** Codes by which the API service refuses keys, also where a gateway asks it. */
const keyCodes: ReadonlySet<unknown> = new Set(["missing_api_key", "invalid_api_key", "key_scope"]);

/** Answers of servers that may be others a moment later, besides 429 and 503. */
const passing: ReadonlySet<number> = new Set([408, 425]);

const longestMessage = 300;

/**
 * What is done about a request. It is sent again where it surely has not been carried out, and where the server asks for that: connections
 * that nobody takes, 429 and 503.
 *
 * @param retryAll - also where a request may have been carried out: time-outs, broken connections, 408, 425 and 5xx
 */
export function judge(heard: Heard, retryAll: boolean): Verdict {
  if (heard.kind !== "answer") {
    const failure = { code: codes[heard.kind], message: heard.reason.slice(0, longestMessage) };
    if (heard.kind === "refused") return { kind: "again", failure, isOfAll: true, afterMs: undefined };
    const isPassing = retryAll && heard.kind !== "too_long";
    return isPassing ? { kind: "again", failure, isOfAll: false, afterMs: undefined } : { kind: "failed", failure };
  }
  const { response, retryAfterMs: afterMs } = heard;
  const { status } = response;
  if (status >= 200 && status < 300) return { kind: "answered" };
  const failure = { code: `http_${status}`, message: `HTTP ${status}${saying(response)}` };
  if (status === 429 || status === 503) return { kind: "again", failure, isOfAll: true, afterMs };
  const key = status === 401 || status === 403 ? refusedKey(response) : undefined;
  if (key !== undefined) return { kind: "key_refused", status, message: key };
  const isPassing = retryAll && (status >= 500 || passing.has(status));
  return isPassing ? { kind: "again", failure, isOfAll: false, afterMs } : { kind: "failed", failure };
}

const codes = {
  refused: "connection_refused",
  timeout: "timeout",
  broken: "connection_broken",
  too_long: "answer_too_long",
} as const;

function saying({ body }: WrittenResponse): string {
  const text = "json" in body ? body.json : "text" in body ? body.text : "";
  return text === "" ? "" : `: ${text.slice(0, longestMessage)}`;
}

function refusedKey({ body }: WrittenResponse): string | undefined {
  const answer: unknown = "json" in body ? JSON.parse(body.json) : undefined;
  const error = isMapping(answer) ? answer.error : undefined;
  return isMapping(error) && keyCodes.has(error.code) ? String(error.message) : undefined;
}
