import { isMapping } from "../mapping.ts";
import { operationAsked } from "../protocols/asked.ts";
import { membersOf } from "./members.ts";

/** How the lines of a file are written: bodies alone, or requests as OpenAI's Batch API takes them. */
export type LineFormat = "bodies" | "requests";

/** What one line asks. */
export interface BatchRequest {
  /** Path at the model, such as `/v1/chat/completions`; undefined for the one that the model predicts at. */
  readonly path: string | undefined;
  /** The name that the line gives itself. */
  readonly customId?: string;
  /** JSON, as it is sent. */
  readonly body: string;
}

/** What can be wrong with a line, by the code that its answer has for it. */
export type LineError = "line_too_long" | "not_utf8" | "not_json" | "not_a_request" | "other_path";

/** Why a line cannot be sent. */
export interface WrongLine {
  readonly customId?: string;
  readonly code: LineError;
  readonly message: string;
}

/** A line without what ends it: its text, or why that is not known. */
export type LineText = { readonly text: string } | { readonly unread: "line_too_long" | "not_utf8" };

/** Bytes of a line, at most: requests of that size are more than the API service takes. */
export const longestRequest = 128 * 1024 ** 2;

/** Members of a request in OpenAI's files (https://platform.openai.com/docs/api-reference/batch/request-input). */
const members: ReadonlySet<string> = new Set(["custom_id", "method", "url", "body"]);

const unreadable = {
  line_too_long: `the line is longer than ${longestRequest / 1024 ** 2} MiB; split it`,
  not_utf8: "the line is not UTF-8; convert the file with iconv",
} as const;

/**
 * How the lines of a file are written, by the first one that is not empty: an object with `custom_id` and `body` that has nothing else than
 * OpenAI's requests have is a request, and everything else a body.
 */
export function lineFormat(first: string): LineFormat {
  const value = parsed(first);
  if (!isMapping(value) || !("custom_id" in value) || !("body" in value)) return "bodies";
  return Object.keys(value).every((key) => members.has(key)) ? "requests" : "bodies";
}

/**
 * What a line asks. One that asks for an answer in pieces is changed to ask for a whole one.
 *
 * @param path - at the model, of requests that name none; undefined for the one that it predicts at
 */
export function readLine(line: LineText, format: LineFormat, path: string | undefined): BatchRequest | WrongLine {
  if ("unread" in line) return { code: line.unread, message: unreadable[line.unread] };
  const { text } = line;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser quotes the line, which may be long.
    const reason = error instanceof Error ? error.message.slice(0, 200) : "";
    return { code: "not_json", message: `the line is not JSON: ${reason}` };
  }
  return format === "bodies" ? { path, body: whole(text.trim(), value, path) } : requestOf(text, value, path);
}

function requestOf(text: string, value: unknown, otherwise: string | undefined): BatchRequest | WrongLine {
  const wrong = (message: string): WrongLine => ({ code: "not_a_request", message });
  if (!isMapping(value)) return wrong('the line is not an object; write {"custom_id": "…", "url": "…", "body": {…}}');
  const { custom_id: customId, method = "POST", url: path = otherwise, body } = value;
  if (typeof customId !== "string") return wrong("custom_id is not a string; give each line a name");
  const named = (message: string): WrongLine => ({ ...wrong(message), customId });
  const other = Object.keys(value).find((key) => !members.has(key));
  if (other !== undefined) return named(`${JSON.stringify(other.slice(0, 100))} is not a key of a request; remove it`);
  if (method !== "POST") return named("method is not POST; models take no other");
  if (path !== undefined && (typeof path !== "string" || !path.startsWith("/"))) {
    return named("url is not a path; write one such as /v1/chat/completions");
  }
  const written = membersOf(text).findLast(({ name }) => name === "body");
  if (!written) return named("body is missing");
  return { path, customId, body: whole(written.value, body, path) };
}

/** The body as it is written, but for what asks for an answer in pieces. */
function whole(text: string, value: unknown, path: string | undefined): string {
  const streaming = path === undefined ? undefined : operationAsked(path)?.streaming;
  if (!streaming || !isMapping(value) || !("stream" in value) || value.stream === false) return text;
  const kept = membersOf(text).filter(({ name }) => !(name in streaming));
  return `{${kept.map((member) => member.text).join(",")}}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
