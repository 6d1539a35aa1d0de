import type { RecordedRequest } from "../../adapters/postgres/predictions/recordedRequests.ts";
import { recordedBody } from "../../adapters/postgres/predictions/storedBody.ts";
import { readIdentities } from "../../adapters/samples/encryption.ts";
import type { SamplePlace } from "../../adapters/samples/place.ts";
import { checkSample, type KeptSample, sampledRequests } from "../../adapters/samples/readSample.ts";
import { jsonTextOf } from "../../domain/redaction/jsonText.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import type { SampledRequest, SampleHeader } from "../../domain/samples/format.ts";

/** A sample that was checked, for a replay. */
export interface OpenedSample {
  readonly header: SampleHeader;
  /** The first `limit` of its requests, in the order of time. */
  requests(limit: number): AsyncGenerator<RecordedRequest>;
}

/** Checks a sample, in a file or a bucket, as `sample check` does. @throws OperatorError where anything is wrong with it. */
export async function openSample(place: SamplePlace, identity: string | undefined): Promise<OpenedSample> {
  const identities = identity === undefined ? [] : await readIdentities(identity);
  const sample: KeptSample = { place, identities };
  const { header, problems } = await checkSample(sample, new Date());
  if (problems.length > 0 || !header) throw refused(problems);
  return {
    header,
    async *requests(limit) {
      let left = limit;
      for await (const request of sampledRequests(sample)) {
        if (left === 0) return;
        left -= 1;
        yield recordedOf(request, header.redaction.unredacted === null);
      }
    },
  };
}

/** As it would be read from the tables: of its headers those alone that say how to read the body. */
function recordedOf(sampled: SampledRequest, redacted: boolean): RecordedRequest {
  const { id, attempt, at, operation, path, headers, body, answer } = sampled;
  const kept = ["content-type", "content-encoding"].flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, [value].flat().join(", ")] as const];
  });
  const answered = answer.body;
  const isTooLong = "missing" in answered && answered.missing === "too_long";
  return {
    requestId: id,
    attempt,
    operation,
    at: Date.parse(at),
    url: path,
    body: "base64" in body ? Buffer.from(body.base64, "base64") : Buffer.from(jsonTextOf(body.json)),
    headers: Object.fromEntries(kept),
    redacted,
    answer: {
      status: answer.status,
      latencyMs: answer.latencyMs,
      firstTokenMs: answer.firstTokenMs,
      completionTokens: answer.completionTokens,
      failure: null,
      body: recordedBody({
        data: "json" in answered ? jsonTextOf(answered.json) : null,
        raw: "base64" in answered ? Buffer.from(answered.base64, "base64") : isTooLong ? Buffer.alloc(0) : null,
        truncated: isTooLong,
        encoding: answer.encoding,
      }),
    },
  };
}
