import { readJsonbText } from "../../../domain/shadow/exactJson.ts";
import type { RecordedBody } from "../../../domain/shadow/recorded.ts";
import { readBody } from "../../predictions/decodedBody.ts";

/** A body as its row holds it. */
export interface StoredBody {
  /** Text of the jsonb, of a stream that of its answer; null where the body is kept as bytes. */
  readonly data: string | null;
  readonly raw: Uint8Array | null;
  readonly truncated: boolean;
  readonly encoding: string | null;
}

export function recordedBody({ data, raw, truncated, encoding }: StoredBody): RecordedBody {
  if (data === null && raw === null) return { unjudgeable: "not_kept" };
  if (truncated) return { unjudgeable: "too_long" };
  if (data === null) return readBody(raw as Uint8Array, encoding);
  const read = readJsonbText(data);
  return "value" in read ? { json: read.value } : { unjudgeable: "beyond_limits" };
}
