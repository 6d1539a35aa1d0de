import type { ServerResponse } from "node:http";
import { type Outcome, outcomeOf } from "../../../domain/traffic/outcome.ts";
import type { AppCounts } from "./appCounts.ts";

/** Counts requests where the client is answered. */
export type CountRequest = AppCounts["count"];

/**
 * Counts a request for a version when its answer is over, however that comes. `answering` is what answers; it throws where the model
 * broke off.
 *
 * @param startedAt - by `performance.now()`
 */
export async function countAnswer(
  response: ServerResponse,
  {
    count,
    versionId,
    startedAt,
  }: { readonly count: CountRequest; readonly versionId: string; readonly startedAt: number },
  answering: Promise<void>,
): Promise<void> {
  let isBroken = false;
  const tell = (): void => {
    const outcome = outcomeOfAnswer(response, isBroken);
    count(versionId, outcome, response.writableFinished ? performance.now() - startedAt : undefined);
  };
  // The client was gone before anything could be answered.
  if (response.closed) tell();
  else response.once("close", tell);
  try {
    await answering;
  } catch (error) {
    isBroken = response.headersSent;
    throw error;
  }
}

function outcomeOfAnswer(response: ServerResponse, isBroken: boolean): Outcome {
  if (isBroken) return "broken";
  // A WebSocket ends with its connection, by whichever side.
  if (response.headersSent && response.statusCode === 101) return "1xx";
  if (!response.headersSent || !response.writableFinished) return "client_gone";
  return outcomeOf(response.statusCode) ?? "5xx";
}
