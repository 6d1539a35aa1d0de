/** What a server answered to a line, as it is written. */
export interface WrittenResponse {
  readonly status: number;
  /** By which the request is found in logs; null where it had none. */
  readonly requestId: string | null;
  readonly body: WrittenBody;
}

/** A body: its JSON, else its text, else its bytes. */
export type WrittenBody = { readonly json: string } | { readonly text: string } | { readonly base64: string };

/** What is written for one line of the input. */
export interface AnswerLine {
  /** Its number in the input, from 1. */
  readonly line: number;
  /** SHA-256 of its content, in hexadecimal digits. */
  readonly sha256: string;
  /** Who was asked. */
  readonly model: string;
  readonly customId?: string | undefined;
  /** Null where nothing was answered. */
  readonly response: WrittenResponse | null;
  /** Why the line has no answer that is a success; null where it has one. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** What a line of answers says of the line that it answers. */
export interface AnswerHead {
  readonly line: number;
  readonly sha256: string;
  readonly model: string;
  readonly isOk: boolean;
}

/** Bytes of a line of answers that hold its head. */
export const longestHead = 512;

const head =
  /^\{"line":(\d{1,15}),"input_sha256":"([0-9a-f]{64})","model":("(?:[^"\\]|\\.){0,200}"),"ok":(true|false),/;

/** A line of the answers, with its line feed. Keys stand in this order, so that the beginning alone tells which line is answered. */
export function answerLine({ line, sha256, model, customId, response, error }: AnswerLine): string {
  const begin = `{"line":${line},"input_sha256":"${sha256}","model":${JSON.stringify(model)},"ok":${error === null}`;
  const named = customId === undefined ? "" : `,"custom_id":${JSON.stringify(customId)}`;
  const answered = response === null ? "null" : responseText(response);
  return `${begin}${named},"response":${answered},"error":${error === null ? "null" : JSON.stringify(error)}}\n`;
}

function responseText({ status, requestId, body }: WrittenResponse): string {
  const [key, value] =
    "json" in body
      ? ["body", body.json]
      : "text" in body
        ? ["text", JSON.stringify(body.text)]
        : ["base64", `"${body.base64}"`];
  return `{"status_code":${status},"request_id":${JSON.stringify(requestId)},"${key}":${value}}`;
}

/** What the beginning of a line of answers says; undefined if the line is not one. */
export function answerHead(beginning: string): AnswerHead | undefined {
  const [, line, sha256, model, isOk] = head.exec(beginning) ?? [];
  if (line === undefined || sha256 === undefined || model === undefined) return undefined;
  try {
    return { line: Number(line), sha256, model: JSON.parse(model) as string, isOk: isOk === "true" };
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A body as it is written. JSON stays as the server wrote it, numbers and all, but for its line breaks. */
export function writtenBody(bytes: Uint8Array): WrittenBody {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
  }
  try {
    JSON.parse(text);
  } catch {
    return { text };
  }
  // JSON has no line breaks inside of its strings.
  return { json: (/[\r\n]/.test(text) ? text.replaceAll(/[\r\n]+/g, " ") : text).trim() };
}
