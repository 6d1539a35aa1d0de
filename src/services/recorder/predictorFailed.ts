import type { ServerResponse } from "node:http";
import type { ForwardingFailure } from "../../domain/recording/prediction.ts";

type Failed = Exclude<ForwardingFailure, "client_gone">;

const statusOf: Readonly<Record<Failed, number>> = {
  predictor_unavailable: 503,
  predictor_broken: 502,
  predictor_timeout: 504,
};
const sentenceOf: Readonly<Record<Failed, string>> = {
  predictor_unavailable: "the predictor accepts no connections",
  predictor_broken: "the predictor closed the connection before its answer was complete, or its answer is not HTTP",
  predictor_timeout: "the predictor did not answer in time",
};

/** Answers the client in the place of the predictor, and says why. Returns the body that was sent. */
export function answerFailed(response: ServerResponse, failure: Failed): Buffer {
  const body = Buffer.from(JSON.stringify({ error: sentenceOf[failure] }));
  response.writeHead(statusOf[failure], { "content-type": "application/json", "content-length": body.length });
  response.end(body);
  return body;
}
