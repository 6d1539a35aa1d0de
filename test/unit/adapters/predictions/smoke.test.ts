import { describe, expect, it } from "vitest";
import { runSmokeSet } from "../../../../src/adapters/predictions/smoke.ts";
import type { Readiness } from "../../../../src/domain/serving/readiness.ts";

const cases = [{ input: { values: ["2"] }, output: { results: [6] }, tolerance: 0 }];

function run(answers: readonly { status: number; text: string }[], standing: Readiness) {
  let sent = 0;
  return runSmokeSet({
    send: async () => answers[Math.min(sent++, answers.length - 1)] ?? { status: 503, text: "" },
    standing: async () => standing,
    cases,
    timeoutSeconds: 60,
    signal: new AbortController().signal,
  });
}

const unanswered = { status: 503, text: "no endpoints" };

describe("a smoke set", () => {
  it("waits for a model that is starting", async () => {
    const answers = [unanswered, { status: 200, text: '{"results": [6]}' }];
    const [result] = await run(answers, { state: "starting", reason: "0 of 1 pods are ready", answering: 0 });
    expect(result).toMatchObject({ name: "case 1", status: 200, differences: [] });
  });

  it("fails at once with the reason where the model is down", async () => {
    const results = await run([unanswered], { state: "down", reason: "container keeps ending" });
    expect(results).toMatchObject([{ status: 503, differences: ["it is down: container keeps ending"] }]);
  });
});
