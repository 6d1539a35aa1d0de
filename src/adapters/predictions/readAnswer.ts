import type { Piece } from "../../domain/protocols/join.ts";
import { joinAnswer, tokensOf } from "../../domain/protocols/joinAnswer.ts";
import { type Operation, tellsFacts } from "../../domain/protocols/operation.ts";
import { operationNamed } from "../../domain/protocols/operations.ts";
import type { AnswerFacts, Arrivals, Failure, RecordedPrediction } from "../../domain/recording/prediction.ts";
import { decodedPieces } from "./decodedPieces.ts";

/** An answer as it is stored. */
export interface ReadAnswer {
  readonly facts: AnswerFacts;
  /** JSON of what a stream's events join to; undefined where the answer is not a stream, or its body is that already. */
  readonly joined?: Uint8Array;
  /** Of a stream: it came to its end, and told of no error. */
  readonly isWhole?: boolean;
  readonly failure: Failure | null;
  /** Less of the answer was kept than what came. */
  readonly truncated: boolean;
}

const noFacts: AnswerFacts = { streamed: false, firstTokenMs: null, tokens: null };
/** An answer that is longer than this is not read for its tokens, unless it is a stream; in bytes. */
const longestRead = 16 * 1024 ** 2;

type Answered = Pick<
  RecordedPrediction,
  "operation" | "response" | "responseEncoding" | "arrivals" | "facts" | "failure" | "latencyMs"
>;

/** Reads what an answer tells by its protocol, and joins it where it is a stream. What cannot be read stays as it came. */
export async function readAnswer(answered: Answered): Promise<ReadAnswer> {
  const { operation: name, response, failure, facts } = answered;
  const asItCame = { failure, truncated: response.truncated };
  if (facts) return { ...asItCame, facts };
  const operation = name === null ? undefined : operationNamed(name);
  if (!operation || response.content.length === 0) return { ...asItCame, facts: noFacts };
  if (!tellsFacts(operation)) return { ...asItCame, facts: noFacts };
  try {
    return await read(operation, answered);
  } catch {
    // Such as nesting that no stack bears.
    return { ...asItCame, facts: noFacts };
  }
}

async function read(operation: Operation, answered: Answered): Promise<ReadAnswer> {
  const { response, responseEncoding, arrivals, latencyMs, failure } = answered;
  const pieces = await decodedPieces(piecesOf(response.content, arrivals, latencyMs), responseEncoding);
  const joined = pieces && joinAnswer(operation, pieces, !response.truncated);
  if (!joined) {
    const tokens = pieces && !response.truncated ? tokensOf(operation, jsonOf(pieces)) : null;
    return { facts: { ...noFacts, tokens }, failure, truncated: response.truncated };
  }
  const { firstTokenMs, tokens, isWhole } = joined;
  return {
    facts: { streamed: true, firstTokenMs, tokens },
    joined: Buffer.from(JSON.stringify(joined.answer)),
    isWhole,
    failure: failureOf(joined.error !== undefined, isWhole, response.truncated, failure),
    truncated: response.truncated && !isWhole,
  };
}

/** What the forwarding saw and what the stream says, as one. */
function failureOf(hasFailed: boolean, isWhole: boolean, isTruncated: boolean, seen: Failure | null): Failure | null {
  if (hasFailed) return "failed";
  // Clients need not wait for the end of the body, once they have that of the answer.
  if (isWhole && seen === "client_gone") return null;
  // The body came to its end, and its stream did not.
  return seen ?? (isWhole || isTruncated ? null : "predictor_broken");
}

/** A body cut where its pieces ended. Of what was not kept there are times alone; without arrivals it all came at the end. */
export function piecesOf(content: Uint8Array, arrivals: Arrivals | null, latencyMs: number): Piece[] {
  if (!arrivals) return [{ bytes: content, at: latencyMs }];
  const pieces: Piece[] = [];
  let from = 0;
  for (let index = 0; index < arrivals.ends.length && from < content.length; index += 1) {
    const to = arrivals.ends[index] as number;
    pieces.push({ bytes: content.subarray(from, to), at: arrivals.at[index] as number });
    from = to;
  }
  return pieces;
}

function jsonOf(pieces: readonly Piece[]): unknown {
  if (pieces.reduce((sum, { bytes }) => sum + bytes.length, 0) > longestRead) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces.map(({ bytes }) => bytes)).toString());
  } catch {
    return undefined;
  }
}
