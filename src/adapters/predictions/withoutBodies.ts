import type { KeptBody, RecordedPrediction } from "../../domain/recording/prediction.ts";
import { readAnswer } from "./readAnswer.ts";

const nothing = new Uint8Array();

/** A prediction as it is stored where bodies are not: with what its answer told, such as tokens, and that a stream failed. */
export async function withoutBodies(prediction: RecordedPrediction): Promise<RecordedPrediction> {
  const { facts, failure } = await readAnswer(prediction);
  const { request, response } = prediction;
  return { ...prediction, request: dropped(request), response: dropped(response), facts, failure };
}

/** As a recorder has a body of which nothing was kept. */
export function dropped({ bytes, truncated }: KeptBody): KeptBody {
  return { content: nothing, bytes, truncated: truncated || bytes > 0 };
}
