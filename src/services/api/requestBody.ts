import type { IncomingMessage, ServerResponse } from "node:http";
import type * as z from "zod";
import { ApiError } from "./apiError.ts";

/** Reads a body to its end. Throws a `body_too_large` as soon as it is longer than `maximum` bytes. */
export async function readBytes(request: IncomingMessage, maximum: number): Promise<Buffer> {
  const tooLarge = (): ApiError => {
    request.resume();
    return new ApiError("body_too_large", `the body is larger than ${maximum} bytes`);
  };
  if (Number(request.headers["content-length"] ?? 0) > maximum) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += (chunk as Buffer).length;
      if (size > maximum) throw tooLarge();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError("bad_request", "the body broke off", error);
  }
  return Buffer.concat(chunks);
}

/** Reads a body as JSON of the given shape; throws a `bad_request` that names the place and the mistake. */
export async function readJson<T>(request: IncomingMessage, maximum: number, schema: z.ZodType<T>): Promise<T> {
  const bytes = await readBytes(request, maximum);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ApiError("bad_request", "the body is not JSON in UTF-8", error);
  }
  return parseInput(schema, json, "the body");
}

/** Input of the given shape; throws a `bad_request` that names the place and the mistake. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, what: string): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.length ? issue.path.join(".").slice(0, 200) : what;
  throw new ApiError("bad_request", `${place}: ${issue?.message ?? "is invalid"}`);
}

/** Answers JSON. */
export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}
