import { describe, expect, it } from "vitest";
import { SampleChoice, type SampleKey, sharesOf } from "../../../../src/domain/samples/choice.ts";
import { stratumOf } from "../../../../src/domain/samples/strata.ts";

const key = (n: number): SampleKey => ({ day: "2026-11-30", requestId: `r${n}`, attempt: 1 });
const idsOf = (choice: SampleChoice): string[] =>
  choice
    .chosen()
    .keys.map(({ requestId }) => requestId)
    .sort();

describe("the choice", () => {
  it("is the same whatever the order in which requests are seen", () => {
    const [forth, back] = [new SampleChoice(10), new SampleChoice(10)];
    for (let n = 0; n < 1_000; n += 1) {
      forth.add("all", key(n));
      back.add("all", key(999 - n));
    }
    expect(idsOf(forth)).toHaveLength(10);
    expect(idsOf(back)).toEqual(idsOf(forth));
  });

  it("is fair: no part of the requests is preferred", () => {
    const choice = new SampleChoice(500);
    for (let n = 0; n < 5_000; n += 1) choice.add("all", key(n));
    const early = idsOf(choice).filter((id) => Number(id.slice(1)) < 2_500).length;
    expect(early).toBeGreaterThan(200);
    expect(early).toBeLessThan(300);
  });

  it("has some of every stratum, and the rest by their sizes", () => {
    const choice = new SampleChoice(20);
    for (let n = 0; n < 900; n += 1) choice.add("status 200", key(n));
    for (let n = 900; n < 1_000; n += 1) choice.add("status 400", key(n));
    choice.add("status 500", key(1_000));
    expect(choice.chosen().strata).toEqual([
      { stratum: "status 200", recorded: 900, chosen: 16 },
      { stratum: "status 400", recorded: 100, chosen: 3 },
      { stratum: "status 500", recorded: 1, chosen: 1 },
    ]);
    expect(idsOf(choice)).toContain("r1000");
    expect(new Set(idsOf(choice)).size).toBe(20);
  });

  it("takes all there are where there are few", () => {
    const choice = new SampleChoice(20);
    for (let n = 0; n < 5; n += 1) choice.add("all", key(n));
    expect(idsOf(choice)).toHaveLength(5);
  });
});

it.each([
  [[900, 100], 10, [8, 2]],
  [[5, 4, 3], 2, [1, 1, 0]],
  [[3, 3, 3], 7, [3, 2, 2]],
  [[1], 10, [1]],
  [[], 10, []],
])("%j share %i places as %j", (sizes, places, shares) => {
  expect(sharesOf(sizes, places)).toEqual(shares);
});

it("strata are told by what is asked for, a path without its query", () => {
  const facts = { status: null, url: "/v1/models/iris:predict?key=x", bytes: 1024 };
  expect(stratumOf(facts, ["status", "path", "size"])).toBe("status none, path /v1/models/iris:predict, size 1–10 KiB");
  expect(stratumOf(facts, [])).toBe("all");
});
