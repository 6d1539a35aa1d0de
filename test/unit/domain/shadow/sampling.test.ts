import { describe, expect, it } from "vitest";
import type { OperationName } from "../../../../src/domain/protocols/operation.ts";
import { operationNamed } from "../../../../src/domain/protocols/operations.ts";
import { Comparison } from "../../../../src/domain/shadow/comparison.ts";
import { describeComparison } from "../../../../src/domain/shadow/description.ts";
import { evidenceOf } from "../../../../src/domain/shadow/evidence.ts";
import { judgeGate, type ShadowGate } from "../../../../src/domain/shadow/gate.ts";
import { headlineOf } from "../../../../src/domain/shadow/headline.ts";
import type { RecordedAnswer, RecordedPair } from "../../../../src/domain/shadow/recorded.ts";
import { isSampled } from "../../../../src/domain/shadow/sampling.ts";

describe("a request is sampled", () => {
  it.each<[OperationName, unknown, boolean]>([
    ["chat", {}, true],
    ["chat", { temperature: 0.7 }, true],
    ["chat", { temperature: 0.7, seed: 1 }, false],
    ["chat", { seed: 0 }, false],
    ["chat", { temperature: null, seed: null }, true],
    ["chat", { temperature: 0 }, false],
    ["chat", { temperature: 1, top_p: 0 }, false],
    ["chat", { temperature: 1, top_k: 1 }, false],
    ["chat", { temperature: 1, top_k: 40 }, true],
    ["chat", { temperature: "0" }, true],
    ["chat", JSON.parse('{"__proto__": {"seed": 1}}'), true],
    ["completions", { temperature: 1e-9 }, true],
    ["responses", { temperature: 0 }, false],
    ["messages", { do_sample: false }, false],
    ["messages", { top_p: 0.9 }, true],
    ["embeddings", {}, false],
    ["predict", { temperature: 1 }, false],
    ["own", { temperature: 1 }, false],
    // What is not a JSON object no model reads a temperature out of.
    ["chat", undefined, false],
    ["chat", "temperature", false],
    ["chat", [{ temperature: 1 }], false],
  ])("%s %j: %s", (name, request, expected) => {
    expect(isSampled(operationNamed(name), request)).toBe(expected);
  });
});

let made = 0;
function said(text: string, more: Partial<RecordedAnswer> = {}): RecordedAnswer {
  made += 1;
  const message = { role: "assistant", content: text };
  const json = { id: `c${made}`, created: made, choices: [{ index: 0, message, finish_reason: "stop" }] };
  return { status: 200, failure: null, latencyMs: 1000, body: { json }, ...more };
}

function pair(primary: string, shadow: string, isSampled = true, more: Partial<RecordedAnswer> = {}): RecordedPair {
  return {
    requestId: `r${made}`,
    at: made * 1000,
    operation: "chat",
    isSampled,
    primary: said(primary),
    shadow: said(shadow, more),
    sameBody: false,
  };
}

const counts = (paired: number) => ({
  primary: paired,
  shadow: paired,
  paired,
  pending: 0,
  unpaired: 0,
  lostByRecorders: 0,
});

const subject = {
  deployment: "d",
  primary: { name: "p", version: "1" },
  shadow: { name: "s", version: "2" },
  rules: {},
};

describe("pairs of sampled requests", () => {
  it("are judged where the primary repeats itself, equal or not, and else counted apart everywhere", () => {
    const comparison = new Comparison();
    const settle = (open: ReturnType<Comparison["add"]>, again?: string): void => {
      if (!open) throw new Error("the pair was judged");
      comparison.settle(open, again === undefined ? undefined : said(again));
    };
    expect(comparison.add(pair("a", "b", false))).toBeUndefined();
    settle(comparison.add(pair("a", "a")));
    settle(comparison.add(pair("a", "a")), "c");
    settle(comparison.add(pair("a", "a")), "a");
    settle(comparison.add(pair("a", "b")));
    settle(comparison.add(pair("a", "b")), "c");
    settle(comparison.add(pair("a", "b")), "a");
    const result = comparison.result(counts(7), 100);
    const sampled = { pairs: 4, differing: 2, failing: 0, asked: 4, repeated: 2 };
    expect(result).toMatchObject({ pairs: 3, mismatches: 2, sampled });
    expect(result.sampled.examples).toHaveLength(2);
    expect(headlineOf(result)).toBe(
      "2 of 3 answers differ: 66.7 %, 4.3 % to 99.84 % with 95 % confidence. 4 more pairs cannot be judged because their requests are sampled: 2 differ, perhaps by chance; 2 are equal.",
    );
    expect(describeComparison(subject, result, undefined)).toContain(
      "sampled       4 are not judged (2 differ, perhaps by chance; 2 are equal); of 4 that the primary was asked again, it repeats itself in 2, which are judged; declare noiseFloor, or send a seed with the requests, to judge the others",
    );
    expect(evidenceOf(subject, result).sampled).toEqual(sampled);
  });

  it("come with how to have them judged", () => {
    const comparison = new Comparison();
    const open = comparison.add(pair("a", "b"));
    if (open) comparison.settle(open, undefined);
    expect(describeComparison(subject, comparison.result(counts(1), 100), undefined)).toContain(
      "sampled       1 is not judged (1 differs, perhaps by chance); the primary was not asked again: ask it with --ask-primary, declare noiseFloor, or send a seed with the requests",
    );
  });

  it("a primary that fails when it is asked again has not repeated itself", () => {
    const comparison = new Comparison();
    for (const again of [said("a", { status: 500 }), said("a", { failure: "failed" })]) {
      const open = comparison.add(pair("a", "b"));
      if (open) comparison.settle(open, again);
    }
    expect(comparison.result(counts(2), 100)).toMatchObject({ pairs: 0, sampled: { pairs: 2, asked: 2, repeated: 0 } });
  });

  it.each<[string, Partial<RecordedAnswer>, string]>([
    ["another status", { status: 500 }, "status"],
    ["an error event behind a 200", { failure: "failed" }, "shadow_failed"],
    ["half a stream", { failure: "predictor_broken" }, "shadow_broken"],
  ])("%s is never chance, and holds a gate whatever it allows of sampled pairs", (_, more, field) => {
    const comparison = new Comparison();
    for (let n = 0; n < 100; n += 1) {
      comparison.add(pair("a", "a", false));
      const open = comparison.add(pair("a", "b", true, n < 10 ? more : {}));
      if (open) comparison.settle(open, n === 0 ? said("a") : undefined);
    }
    const result = comparison.result(counts(200), 100);
    expect(result).toMatchObject({
      pairs: 101,
      mismatches: 1,
      fields: [{ field }],
      sampled: { pairs: 99, differing: 90, failing: 9 },
    });
    expect(headlineOf(result)).toContain("90 differ, perhaps by chance; 9 have another status or no whole answer");
    const unmet = (maxMismatch: number) =>
      judgeGate(result, { minPairs: 1, maxMismatch, confidence: 0.95, minCompleteness: 0, maxSampled: 1 })
        .checks.filter(({ met }) => !met)
        .map(({ name }) => name);
    expect(unmet(0.1)).toEqual(["sampledFailures"]);
    expect(unmet(0.2)).toEqual([]);
  });

  it("that are equal do not make up for others that differ", () => {
    const comparison = new Comparison();
    for (let n = 0; n < 1_000; n += 1) {
      const open = comparison.add(pair("a", n < 900 ? "a" : "b"));
      if (open) comparison.settle(open);
    }
    const result = comparison.result(counts(1_000), 100);
    const gate = { minPairs: 100, maxMismatch: 0.01, confidence: 0.95, minCompleteness: 0, maxSampled: 0.2 };
    expect(judgeGate(result, gate).checks.filter(({ met }) => !met)).toMatchObject([
      { name: "pairs", sentence: "0 pairs were compared, at least 100 are needed" },
      { name: "mismatch" },
    ]);
  });

  it("a primary whose stream told of an error is not judged", () => {
    const comparison = new Comparison();
    comparison.add({ ...pair("a", "b"), primary: said("a", { failure: "failed" }) });
    expect(comparison.result(counts(1), 100)).toMatchObject({
      pairs: 0,
      notJudged: { primary_failed: 1 },
      undecided: 1,
    });
  });

  it("do not pass for noise in requests that leave nothing to chance", () => {
    const comparison = new Comparison({}, { noiseFloor: true });
    for (let n = 0; n < 100; n += 1) {
      comparison.addNoise(pair("a", `a${n}`, true));
      comparison.addNoise(pair("a", "a", false));
      comparison.add(pair("a", n < 50 ? "b" : "a", false));
    }
    expect(comparison.result(counts(100), 100)).toMatchObject({ mismatches: 50, noise: { pairs: 100, differing: 0 } });
  });

  it("hold a gate that does not allow for them", () => {
    const comparison = new Comparison();
    for (let n = 0; n < 100; n += 1) {
      comparison.add(pair("a", "a", false));
      const open = n < 20 ? comparison.add(pair("a", n < 10 ? "b" : "a")) : undefined;
      if (open) comparison.settle(open);
    }
    const result = comparison.result(counts(120), 100);
    const gate: ShadowGate = { minPairs: 10, maxMismatch: 0.1, confidence: 0.95, minCompleteness: 0.9 };
    const unmet = (limits: ShadowGate) => judgeGate(result, limits).checks.filter(({ met }) => !met);
    expect(unmet(gate)).toMatchObject([
      { name: "sampled", sentence: expect.stringContaining("10 of 20 pairs with sampled requests differ, perhaps") },
    ]);
    // A share of their own kind: pairs of other requests do not make it smaller.
    expect(unmet({ ...gate, maxSampled: 0.4 })).toMatchObject([{ name: "sampled" }]);
    expect(unmet({ ...gate, maxSampled: 0.5 })).toEqual([]);
    expect(headlineOf(result)).toMatch(/^No answer differs in 100 pairs: .* 20 more pairs cannot be judged/);
  });
});

describe("how fast streams come", () => {
  const compared = (shadow: Partial<RecordedAnswer>, n = 20) => {
    const comparison = new Comparison();
    const primary = { firstTokenMs: 200, completionTokens: 81, latencyMs: 1_000 };
    for (let each = 0; each < n; each += 1) {
      const { ...whole } = pair("a", "a", false, { latencyMs: 1_000, ...shadow });
      comparison.add({ ...whole, primary: { ...whole.primary, ...primary } });
    }
    return comparison.result(counts(n), 100);
  };
  const gate = { minPairs: 1, maxMismatch: 1, confidence: 0.95, minCompleteness: 0 };
  const unmet = (result: ReturnType<typeof compared>, more: Partial<ShadowGate>) =>
    judgeGate(result, { ...gate, ...more })
      .checks.filter(({ met }) => !met)
      .map(({ name }) => name);

  it("is told and held by a gate", () => {
    const slower = compared({ firstTokenMs: 500, completionTokens: 21 });
    expect(slower.speed.primary.tokensPerSecond.p50).toBeCloseTo(100, -1);
    expect(unmet(slower, { maxFirstTokenRatio: 2, minTokensPerSecondRatio: 0.5 })).toEqual([
      ...["firstToken", "tokensPerSecond"],
    ]);
    expect(unmet(slower, { maxFirstTokenRatio: 3, minTokensPerSecondRatio: 0.3 })).toEqual([]);
    expect(describeComparison(subject, slower, undefined)).toMatch(/first token {3}p50 2\d\d ms and 5\d\d ms/);
  });

  it("what was not measured is not met, and half a stream is not a measure", () => {
    const limits = { maxFirstTokenRatio: 9, minTokensPerSecondRatio: 0.01 };
    expect(unmet(compared({ firstTokenMs: null }), limits)).toEqual(["firstToken", "tokensPerSecond"]);
    expect(unmet(compared({ firstTokenMs: 100, completionTokens: null }), limits)).toEqual(["tokensPerSecond"]);
    expect(unmet(compared({ firstTokenMs: 100, completionTokens: 9, failure: "failed" }), limits)).toEqual([
      ...["firstToken", "tokensPerSecond"],
    ]);
    // All at once, and one token, have no rate.
    expect(unmet(compared({ firstTokenMs: 1_000, completionTokens: 9 }), limits)).toEqual(["tokensPerSecond"]);
    expect(unmet(compared({ firstTokenMs: 100, completionTokens: 1 }), limits)).toEqual(["tokensPerSecond"]);
  });
});

describe("one deployment", () => {
  it("may answer in several protocols at once, each compared by its own defaults", () => {
    const comparison = new Comparison({ ignore: ["took"] });
    const plain = (json: unknown): RecordedAnswer => ({ status: 200, failure: null, latencyMs: 1, body: { json } });
    const of = (operation: OperationName | null, a: unknown, b: unknown): void => {
      comparison.add({ requestId: "r", at: 1, operation, primary: plain(a), shadow: plain(b), sameBody: false });
    };
    of("chat", { id: 1, took: 1 }, { id: 2, took: 2 });
    of("infer", { id: 1, outputs: [] }, { id: 2, outputs: [] });
    of("predict", { id: 1 }, { id: 2 });
    of(null, { id: 1 }, { id: 2 });
    expect(comparison.result(counts(4), 100)).toMatchObject({ pairs: 4, mismatches: 2, fields: [{ field: "id" }] });
  });

  it("a rule for texts that finds numbers says so", () => {
    const comparison = new Comparison({ texts: { score: { as: "normalized" } } });
    comparison.add({
      ...pair("", ""),
      isSampled: false,
      primary: { ...said(""), body: { json: { score: 1 } } },
      shadow: { ...said(""), body: { json: { score: 2 } } },
    });
    const result = comparison.result(counts(1), 100);
    expect(result.notTexts).toEqual([{ field: "score", places: 1 }]);
    expect(describeComparison(subject, result, undefined)).toContain(
      "compare.texts: score holds no text in 1 place, where the rule has no effect",
    );
  });
});
