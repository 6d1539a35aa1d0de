import type { ProofRequest } from "../../src/domain/proof/asked.ts";
import type { ProofAnswers } from "../../src/domain/proof/finding.ts";
import { ProofTally, usualRisk } from "../../src/domain/proof/tally.ts";
import type { RecordedAnswer } from "../../src/domain/shadow/recorded.ts";
import type { ComparisonRules } from "../../src/domain/shadow/rules.ts";

/** A model as a function: of the request's number and of how many times it was asked anything before. */
export type PlayedModel = (request: number, asked: number) => RecordedAnswer;

export function answered(json: unknown, status = 200, latencyMs = 5): RecordedAnswer {
  return { status, failure: null, latencyMs, body: { json } };
}

export const died: RecordedAnswer = {
  status: null,
  failure: "predictor_broken",
  latencyMs: null,
  body: { json: null },
};

export function playedRequest(number: number): ProofRequest {
  return { key: `r${number}`, id: `r${number}`, operation: "predict", bytes: 100 + number };
}

/** Asks both sides as a proof does, until nothing is unsettled; answers what that shows and how many rounds it took. */
export function playProof(
  sides: { readonly old: PlayedModel; readonly new: PlayedModel },
  requests: number,
  { rules = {}, repeat = 3 }: { readonly rules?: ComparisonRules; readonly repeat?: number } = {},
): { readonly answers: ProofAnswers; readonly rounds: number } {
  const tally = new ProofTally(rules, usualRisk, repeat);
  const asked = { old: 0, new: 0 };
  const ask = (side: "old" | "new", request: number): RecordedAnswer => {
    asked[side] += 1;
    return sides[side](request, asked[side]);
  };
  let due: readonly number[] = Array.from({ length: requests }, (_, number) => number);
  let rounds = 0;
  for (; due.length > 0; rounds += 1) {
    for (const number of due) {
      tally.add(playedRequest(number), [ask("old", number), ask("new", number), ask("old", number)]);
    }
    due = tally.unsettled().map(({ id }) => Number(id.slice(1)));
  }
  return { answers: tally.answers(), rounds };
}
