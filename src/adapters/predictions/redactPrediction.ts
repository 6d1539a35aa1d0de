import { isJsonbText } from "../../domain/recording/jsonbText.ts";
import type { KeptBody, RecordedPrediction } from "../../domain/recording/prediction.ts";
import { changed } from "../../domain/redaction/changed.ts";
import { jsonTextOf } from "../../domain/redaction/jsonText.ts";
import type { Redactor } from "../../domain/redaction/redactor.ts";
import { type ReadJson, readExactJson, readJsonbText } from "../../domain/shadow/exactJson.ts";
import { decodeBody } from "./decodedBody.ts";
import { type ReadAnswer, readAnswer } from "./readAnswer.ts";
import { dropped } from "./withoutBodies.ts";

/** What a body may decode to; a longer one is dropped, since it is in memory several times while it is redacted. In bytes. */
const longestDecoded = 16 * 1024 ** 2;
/** Entries of lists and mappings: so many take some 200 MB while they are read. */
const mostEntries = 1_500_000;
const coding = "content-encoding";
const [comma, bracket, brace] = [0x2c, 0x5b, 0x7b];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A prediction as it may be stored. */
export interface Redacted {
  readonly prediction: RecordedPrediction;
  /** A body was dropped, because it could not be read or was not kept whole. */
  readonly unredactable: boolean;
}

/** Redacts a prediction. What is kept of its bodies is JSON, without a content coding. */
export async function redactPrediction(prediction: RecordedPrediction, redactor: Redactor): Promise<Redacted> {
  const encoding = requestCoding(prediction);
  const answer = await readAnswer(prediction);
  const request = redactBody(prediction.request, encoding, redactor);
  const response = answer.facts.streamed
    ? redactJoined(prediction.response, answer, redactor)
    : redactBody(prediction.response, prediction.responseEncoding, redactor);
  return {
    prediction: {
      ...redactedHead(prediction, redactor),
      request: request ?? dropped(prediction.request),
      response: response ?? dropped(prediction.response),
      responseEncoding: null,
      failure: answer.failure,
      facts: answer.facts,
    },
    unredactable: !request || !response,
  };
}

/** Redacts everything of a prediction but its bodies, which are stored decoded or not at all. */
export function redactedHead(prediction: RecordedPrediction, redactor: Redactor): RecordedPrediction {
  const { [coding]: _, ...headers } = JSON.parse(prediction.headers) as Record<string, unknown>;
  return {
    ...prediction,
    // The same on every side, as the pseudonym is.
    requestId: redactor.text(prediction.requestId),
    url: redactor.url(prediction.url),
    headers: redactor.headers(JSON.stringify(headers)),
    redacted: true,
  };
}

function requestCoding({ headers }: RecordedPrediction): string | null {
  const { [coding]: named } = JSON.parse(headers) as Record<string, unknown>;
  return named === undefined ? null : String(named);
}

/** Undefined where the body cannot be read as JSON, or was not kept whole. */
function redactBody(body: KeptBody, encoding: string | null, redactor: Redactor): KeptBody | undefined {
  // Of nothing, nothing is missing.
  if (body.content.length === 0) return body.bytes === 0 || !body.truncated ? body : undefined;
  if (body.truncated) return undefined;
  const decoded = decodeBody(body.content, encoding, longestDecoded);
  const content = decoded instanceof Uint8Array ? redactJson(decoded, redactor) : undefined;
  return content && { ...body, content };
}

/** Of a stream the joined answer. What breaks off may end in the middle of what a pattern would have found. */
function redactJoined(body: KeptBody, { joined, isWhole }: ReadAnswer, redactor: Redactor): KeptBody | undefined {
  const content = joined && isWhole ? redactJson(joined, redactor) : undefined;
  return content && { ...body, content, truncated: false };
}

function redactJson(bytes: Uint8Array, redactor: Redactor): Uint8Array | undefined {
  if (entriesAtMost(bytes) > mostEntries) return undefined;
  const read = jsonOf(bytes);
  if (!("value" in read)) return undefined;
  return Buffer.from(jsonTextOf(redactor.json(withoutTokens(read.value))));
}

/**
 * What a model says once more, a token at a time, as OpenAI's servers and vLLM have it: no pattern finds a value in its tokens, and no path
 * names all of them.
 */
const ofTokens: ReadonlySet<string> = new Set([
  ..."logprobs prompt_logprobs token_ids prompt_token_ids input_ids output_ids output_token_ids".split(" "),
]);

function withoutTokens(value: unknown): unknown {
  return changed(
    value,
    (key) => key,
    (each, place) => (ofTokens.has(String(place)) && typeof each === "object" ? null : withoutTokens(each)),
  );
}

/** A parser that is out of memory takes the process with it, so that this is counted before; what stands in texts is counted too. */
function entriesAtMost(bytes: Uint8Array): number {
  let entries = 0;
  for (const byte of bytes) if (byte === comma || byte === bracket || byte === brace) entries += 1;
  return entries;
}

/** By the engine's own parser where its numbers and keys are all there is. */
function jsonOf(bytes: Uint8Array): ReadJson {
  const text = textOf(bytes);
  if (text === undefined) return { notJson: true };
  return isJsonbText(bytes) ? readJsonbText(text) : readExactJson(text);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
