import type { ClientBase } from "pg";
import type { Operation } from "../../../domain/protocols/operation.ts";
import { operationNamed } from "../../../domain/protocols/operations.ts";
import type { ComparisonResult } from "../../../domain/shadow/comparisonResult.ts";
import { askedIn, type Conversation, type Said, saidIn } from "../../../domain/shadow/conversation/conversation.ts";
import type { RecordedAnswer } from "../../../domain/shadow/recorded.ts";
import { readBody } from "../../predictions/decodedBody.ts";
import { recordedAnswers } from "./recordedAnswers.ts";
import type { RecordedSide } from "./recordedPairs.ts";
import { recordedRequestsOf } from "./recordedRequests.ts";

/** Of those that differ by chance; they are shown so that nobody has to guess what they are. */
const sampledShown = 3;

/** The pairs that a result names, as conversations: those of protocols whose answers are words. They hold all of both answers. */
export async function recordedConversations(
  client: ClientBase,
  { primary, shadow }: { readonly primary: RecordedSide; readonly shadow: RecordedSide },
  { outliers, sampled }: Pick<ComparisonResult, "outliers" | "sampled">,
): Promise<Conversation[]> {
  const keys = [
    ...outliers.map((pair) => ({ ...pair, isSampled: false })),
    ...sampled.examples.slice(0, sampledShown).map((pair) => ({ ...pair, isSampled: true })),
  ];
  const answers = new Map<(typeof keys)[number], RecordedAnswer>();
  for await (const [key, answer] of recordedAnswers(client, shadow, keys)) if (answer) answers.set(key, answer);
  const found: Conversation[] = [];
  for (const key of keys) {
    const [request] = await recordedRequestsOf(client, primary, [key]);
    const answer = answers.get(key);
    if (!request?.operation || !answer) continue;
    const operation = operationNamed(request.operation);
    if (operation.texts.length + operation.jsonTexts.length === 0) continue;
    const asked = readBody(request.body, request.headers["content-encoding"] ?? null);
    found.push({
      requestId: key.requestId,
      at: key.at,
      isSampled: key.isSampled,
      asked: "json" in asked ? askedIn(operation, asked.json) : [],
      primary: said(operation, request.answer),
      shadow: said(operation, answer),
    });
  }
  return found;
}

function said(operation: Operation, { status, failure, body }: RecordedAnswer): Said {
  const turns = "json" in body ? saidIn(operation, body.json) : [];
  const why =
    failure ??
    (status === null || status >= 400 ? `HTTP ${status ?? "without an answer"}` : undefined) ??
    ("json" in body ? undefined : "the answer is not JSON");
  return { turns, note: why ?? (turns.length === 0 ? "no words" : undefined) };
}
