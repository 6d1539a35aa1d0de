import { expect, test } from "vitest";
import { exactUpperBound } from "../../../../src/domain/judgement/exactShare.ts";
import { ProofTally, usualRisk } from "../../../../src/domain/proof/tally.ts";
import { judgeAnswers } from "../../../../src/domain/proof/verdict.ts";
import { answered, died, type PlayedModel, playedRequest, playProof } from "../../../support/playedProof.ts";

const steady: PlayedModel = (request) => answered({ score: request * 1.5, label: "a" });

/** Numbers from 0 to 1 that are the same on every machine (mulberry32). */
function drawn(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("500 equal requests are equal with a bound under 0.6 %, and are asked once", () => {
  const { answers, rounds } = playProof({ old: steady, new: steady }, 500);
  expect(rounds).toBe(1);
  expect(answers.bound).toBeLessThan(0.006);
  expect(judgeAnswers(answers, {})).toEqual({
    verdict: "equal",
    because: ["500 requests, all equal: at most 0.6 % can differ"],
  });
});

test("one rare request of 500 that the new side answers otherwise is found, and told", () => {
  const rare: PlayedModel = (request) => (request === 321 ? answered({ score: 0, label: "a" }) : steady(request, 0));
  const { answers, rounds } = playProof({ old: steady, new: rare }, 500);
  expect(rounds).toBe(5);
  expect(judgeAnswers(answers, {})).toMatchObject({ verdict: "differs" });
  expect(answers.smallest).toMatchObject([{ id: "r321", differences: [{ at: "score", old: 481.5, new: 0 }] }]);
});

test("a request that ends the new side's process fails; one that ends both says nothing", () => {
  const crashing: PlayedModel = (request) => (request === 7 || request === 9 ? died : steady(request, 0));
  const oldCrashing: PlayedModel = (request) => (request === 9 ? died : steady(request, 0));
  const { answers } = playProof({ old: oldCrashing, new: crashing }, 40);
  expect(answers).toMatchObject({ requests: 39, bothFail: ["r9"], failing: { new: 1, old: 0 } });
  expect(judgeAnswers(answers, {})).toEqual({
    verdict: "fails",
    because: ["the new side fails 1 of 39 requests that the old one answers", "1 request fails on both sides"],
  });
});

test("an answer with status 500 in place of one is a failure, and one with 400 a difference", () => {
  for (const [status, verdict] of [
    [500, "fails"],
    [400, "differs"],
  ] as const) {
    const other: PlayedModel = (request) => (request < 3 ? answered({ error: "?" }, status) : steady(request, 0));
    expect(judgeAnswers(playProof({ old: steady, new: other }, 30).answers, {}).verdict).toBe(verdict);
  }
});

test("requests that only the old side fails are a difference, and are said to be answered now", () => {
  const broken: PlayedModel = (request) => (request < 2 ? answered({ error: "?" }, 500) : steady(request, 0));
  const { verdict, because } = judgeAnswers(playProof({ old: broken, new: steady }, 30).answers, {});
  expect(verdict).toBe("differs");
  expect(because).toContain("2 requests that the old side fails are answered");
});

test("wrong units are named by their factor", () => {
  const inGrams: PlayedModel = (request) => answered({ score: request * 1500, label: "a" });
  const { because } = judgeAnswers(playProof({ old: steady, new: inGrams }, 50).answers, {});
  expect(because[1]).toContain("by a factor of 1000");
});

test("what only a tolerance leaves out is within the declared bound, and what is over it differs", () => {
  const rounded: PlayedModel = (request) => answered({ score: request * 1.5 + 0.001, label: "a" });
  const rules = { tolerance: { absolute: 0.01 } };
  const within = playProof({ old: steady, new: rounded }, 100, { rules });
  expect(judgeAnswers(within.answers, {})).toEqual({
    verdict: "within",
    because: [
      "only what the declared rules leave out differs; by them 100 requests, all equal: at most 3 % can differ",
    ],
  });
  expect(judgeAnswers(playProof({ old: steady, new: rounded }, 100).answers, {}).verdict).toBe("differs");
});

test("a share that the stack allows to differ is within the bound only where the bound says so", () => {
  const some: PlayedModel = (request) =>
    request % 100 === 0 ? answered({ score: -1, label: "a" }) : steady(request, 0);
  const { answers } = playProof({ old: steady, new: some }, 500);
  expect(judgeAnswers(answers, { maxMismatch: 0.05 }).verdict).toBe("within");
  expect(judgeAnswers(answers, { maxMismatch: 0.015 }).verdict).toBe("differs");
});

test("a model whose every answer is another cannot be told apart, and asks for rules", () => {
  const draw = drawn(1);
  const random: PlayedModel = () => answered({ text: String(draw()), label: "a" });
  const { answers } = playProof({ old: random, new: random }, 30);
  expect(judgeAnswers(answers, {})).toMatchObject({
    verdict: "undecided",
    because: [expect.stringContaining("the old side does not equal itself in text: declare how it is compared")],
  });
  const rules = { ignore: ["text"] };
  expect(judgeAnswers(playProof({ old: random, new: random }, 30, { rules }).answers, {}).verdict).not.toBe("differs");
  const otherLabel: PlayedModel = (request, asked) => answered({ ...labelled(random(request, asked)), label: "b" });
  expect(judgeAnswers(playProof({ old: random, new: otherLabel }, 30).answers, {}).verdict).toBe("differs");
});

function labelled({ body }: ReturnType<PlayedModel>): object {
  return "json" in body && typeof body.json === "object" && body.json !== null ? body.json : {};
}

test("a counter in the answer sets the old answers apart the most, and is not taken for a change", () => {
  const counting: PlayedModel = (request, asked) => answered({ score: request, asked });
  expect(judgeAnswers(playProof({ old: counting, new: counting }, 40).answers, {}).verdict).toBe("undecided");
});

test("too few requests are not equal: more than half of them could differ unseen", () => {
  const { verdict, because } = judgeAnswers(playProof({ old: steady, new: steady }, 3).answers, {});
  expect([verdict, because[0]]).toEqual([
    "undecided",
    "3 requests are too few: up to 63.2 % could differ unseen; take a larger sample",
  ]);
  expect(judgeAnswers(playProof({ old: steady, new: steady }, 5).answers, {}).verdict).toBe("equal");
});

test("answers that cannot be compared are told, and may differ unseen", () => {
  const long: PlayedModel = (request) =>
    request < 20 ? { ...steady(request, 0), body: { unjudgeable: "too_long" } } : steady(request, 0);
  const { answers } = playProof({ old: long, new: long }, 100);
  expect(answers).toMatchObject({ requests: 80, notJudged: { too_long: 20 } });
  expect(answers.bound).toBeCloseTo(exactUpperBound(20, 100, 0.05), 12);
  expect(judgeAnswers(answers, {}).because).toContain("20 requests cannot be compared: too long");
});

test("a quantile over the declared ratio differs, and without a limit it is only told", () => {
  const slow: PlayedModel = (request) => ({ ...steady(request, 0), latencyMs: 50 });
  const { answers } = playProof({ old: steady, new: slow }, 60);
  expect(judgeAnswers(answers, {}).verdict).toBe("equal");
  expect(judgeAnswers(answers, { maxLatencyRatio: { p95: 2 } })).toMatchObject({
    verdict: "differs",
    because: [expect.stringMatching(/^p95 is \d+\.\d times the old side's/)],
  });
});

test.each([2, 59, 60, 300])("one request of 500 whose answer is another in all of its %i fields is found", (fields) => {
  const wide = (value: number) =>
    answered(Object.fromEntries(Array.from({ length: fields }, (_, at) => [`f${at}`, value])));
  const other: PlayedModel = (request) => wide(request === 321 ? -1 : request);
  const { answers } = playProof({ old: (request) => wide(request), new: other }, 500);
  const { verdict, because } = judgeAnswers(answers, {});
  expect([verdict, because[0]]).toEqual(["differs", "1 of 500 requests differs"]);
  expect(because[1]).toContain(
    fields > 59 ? "the answers as a whole differ in 1 request, and too many" : "f0 differs in 1 request",
  );
  expect(answers.smallest).toMatchObject([{ id: "r321" }]);
});

test.each([
  [1, true],
  [2, true],
  [3, false],
])(
  "the fields of a model share its risk: five rounds of one request, with a p of 0.0041, show %i fields: %s",
  (fields, differs) => {
    const names = Array.from({ length: fields }, (_, at) => `f${at}`);
    const all = (value: number) => answered(Object.fromEntries(names.map((name) => [name, value])));
    const tally = new ProofTally({}, usualRisk, 3);
    for (let round = 0; round < 5; round += 1) tally.add(playedRequest(1), [all(1), all(2), all(1)]);
    const found = tally.answers().fields.filter(({ field }) => names.includes(field));
    expect(found.map((each) => [each.p.toFixed(4), each.differs])).toEqual(names.map(() => ["0.0041", differs]));
  },
);

/** Sides of which each answers by chance: a share of `noise` of its answers is drawn from three, in each of its fields. */
function noisy(noise: number, draw: () => number, names: readonly string[] = ["score", "rank"]): PlayedModel {
  const field = (usual: number): number => (draw() < noise ? 100 + Math.floor(draw() * 3) : usual);
  return (request) => answered(Object.fromEntries(names.map((name) => [name, field(request)])));
}

test.each([
  [0.01, 2],
  [0.2, 2],
  [0.7, 2],
  [0.01, 20],
  [0.2, 20],
])(
  "two sides that answer alike, %f of it by chance in each of %i fields, are told to differ at the risk at most",
  (noise, fields) => {
    const draw = drawn(Math.round(noise * 1_000));
    const names = Array.from({ length: fields }, (_, at) => `f${at}`);
    const [proofs, requests] = fields > 2 ? [40, 10] : [100, 20];
    let alarms = 0;
    for (let proof = 0; proof < proofs; proof += 1) {
      const model = noisy(noise, draw, names);
      const { verdict } = judgeAnswers(playProof({ old: model, new: model }, requests).answers, {});
      if (verdict === "differs" || verdict === "fails") alarms += 1;
    }
    // Of 100 at 0.01, more than 6 come less than once in 10,000; of 40, more than 4.
    expect(alarms).toBeLessThanOrEqual(fields > 2 ? 4 : 6);
  },
);

test.each([0.01, 0.2, 0.7])(
  "a new side that answers a third of the requests otherwise is found, with %f of all answers by chance",
  (noise) => {
    const draw = drawn(Math.round(noise * 1_000) + 1);
    let missed = 0;
    for (let proof = 0; proof < 12; proof += 1) {
      const old = noisy(noise, draw);
      const other: PlayedModel = (request, asked) =>
        request % 3 === 0 ? answered({ score: -1, rank: -1 }) : old(request, asked);
      if (judgeAnswers(playProof({ old, new: other }, 45).answers, {}).verdict !== "differs") missed += 1;
    }
    expect(missed).toBe(0);
  },
);

test("the bound of a share is where so few hits have the probability of the risk", () => {
  for (const [hits, trials] of [
    [0, 500],
    [5, 100],
    [3, 20],
    [15, 20],
  ] as const) {
    expect(atMost(hits, trials, exactUpperBound(hits, trials, 0.05))).toBeCloseTo(0.05, 8);
  }
  expect(exactUpperBound(20, 20, 0.05)).toBe(1);
  expect(exactUpperBound(0, 0, 0.05)).toBe(1);
});

/** Probability of at most so many hits, summed up. */
function atMost(hits: number, trials: number, share: number): number {
  let [term, sum] = [(1 - share) ** trials, 0];
  for (let each = 0; each <= hits; each += 1) {
    sum += term;
    term *= ((trials - each) / (each + 1)) * (share / (1 - share));
  }
  return sum;
}
