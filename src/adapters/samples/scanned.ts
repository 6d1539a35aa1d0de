import type { SampledRequest } from "../../domain/samples/format.ts";
import type { Scanned, ScannedBody } from "../../domain/samples/scan.ts";
import { readExactJson } from "../../domain/shadow/exactJson.ts";
import { decodeBody } from "../predictions/decodedBody.ts";

/** What of a request is scanned: bodies in bytes are decoded before, and read as JSON where they are that. */
export function scannedOf({ path, headers, body, answer }: SampledRequest): Scanned {
  const coding = headers["content-encoding"];
  return {
    path,
    headers,
    request: bodyOf(body, coding === undefined ? null : [coding].flat().join(", ")),
    answer: "missing" in answer.body ? undefined : bodyOf(answer.body, answer.encoding),
  };
}

function bodyOf(body: { readonly json?: unknown } | { readonly base64: string }, encoding: string | null): ScannedBody {
  if (!("base64" in body)) return { json: body.json };
  const bytes = Buffer.from(body.base64, "base64");
  const decoded = decodeBody(bytes, encoding);
  // What nobody can decode is looked at as it is.
  const text = Buffer.from(decoded instanceof Uint8Array ? decoded : bytes).toString("utf8");
  const read = readExactJson(text);
  return "value" in read ? { json: read.value } : { text };
}
