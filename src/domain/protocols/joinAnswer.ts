import { isEventStream, readEvents } from "./eventStream.ts";
import type { JoinedAnswer, Joiner, Piece, TokenUsage } from "./join.ts";
import { ChunkJoiner } from "./joining/chunks.ts";
import { objectOf } from "./joining/json.ts";
import { MessageJoiner } from "./joining/messages.ts";
import { ResponseJoiner } from "./joining/responses.ts";
import type { Joining, Operation } from "./operation.ts";

const joiners: Readonly<Record<Exclude<Joining, "none">, () => Joiner>> = {
  chat: () => new ChunkJoiner("chat.completion"),
  completions: () => new ChunkJoiner("text_completion"),
  responses: () => new ResponseJoiner(),
  messages: () => new MessageJoiner(),
};

/**
 * The answer that would have come unstreamed. Undefined where the answer is not a stream: its operation has none, or its bytes do not begin as one.
 * The answer's content type does not count.
 *
 * @param pieces - the decoded body from its beginning, in order; times never decrease
 * @param isBodyWhole - false where the body broke off, or was not kept whole. @default true
 */
export function joinAnswer(
  operation: Operation,
  pieces: readonly Piece[],
  isBodyWhole = true,
): JoinedAnswer | undefined {
  if (operation.joining === "none" || !isEventStream(pieces)) return undefined;
  const joiner = joiners[operation.joining]();
  readEvents(pieces, (event) => joiner.add(event));
  const { error, ...joined } = joiner.result(isBodyWhole);
  return { ...joined, tokens: tokensOf(operation, joined.answer), ...(error !== undefined && { error }) };
}

/** Tokens that an answer tells of, streamed or not; null where it does not. */
export function tokensOf({ tokens }: Operation, answer: unknown): TokenUsage | null {
  if (!tokens) return null;
  const usage = objectOf(objectOf(answer).usage);
  const [prompt, completion] = [countOf(usage[tokens.prompt]), countOf(usage[tokens.completion])];
  return prompt === null && completion === null ? null : { prompt, completion };
}

function countOf(value: unknown): number | null {
  // A number that no model could have counted to is left out; it would fit no column.
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31 ? (value as number) : null;
}
