import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  betsOn,
  countShares,
  failureShares,
  logEvidenceOfBad,
  logEvidenceOfGood,
} from "../../../../src/domain/judgement/coin.ts";
import { beginJudgement, foldRow } from "../../../../src/domain/judgement/judgement.ts";
import type { WeightStep } from "../../../../src/domain/judgement/routedRows.ts";
import type { UsersRow } from "../../../../src/domain/judgement/rows.ts";
import type { JudgeSettings } from "../../../../src/domain/judgement/settings.ts";
import { fromStored, toStored } from "../../../../src/domain/judgement/storedRows.ts";
import { type DrawnUsers, userRows } from "../../../../src/domain/judgement/userRows.ts";
import { verdictOf } from "../../../../src/domain/judgement/verdict.ts";
import { margin, risk } from "../../../support/judge/errorRollout.ts";
import { randomOf } from "../../../support/judge/random.ts";
import { binomialTail, share } from "../../../support/judge/table.ts";
import { UserEvidence, type UserOutcome, type UserScenario, userRollout } from "../../../support/judge/userRollout.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

const rollouts = wholeMatrix ? 2_000 : 50;
const timeout = 3_600_000;
const base = 0.005;

/** A user of some twenty requests, each of which fails by itself after the first one, which has a chance of its own. */
function user(random: () => number, first: number, later: number): UserOutcome {
  const requests = 1 + Math.floor(-20 * Math.log(1 - random()));
  const failsAtFirst = random() < first;
  let failed = failsAtFirst ? 1 : 0;
  for (let request = 1; request < requests; request += 1) if (random() < later) failed += 1;
  return { first: failsAtFirst, share: failed / requests };
}

/** All of a user's requests fail, or none. */
function wholly(random: () => number, chance: number): UserOutcome {
  const fails = random() < chance;
  return { first: fails, share: fails ? 1 : 0 };
}

const more = (side: "new" | "old", points: number): number => (side === "new" ? base + points : base);
const equal: readonly UserScenario[] = [
  { name: "equal, each request by itself", outcome: (random) => user(random, base, base) },
  { name: "equal, users who fail wholly", outcome: (random) => wholly(random, 0.02) },
  {
    name: "equal, outages of both",
    outcome: (random, _, { second }) => wholly(random, second % 700 > 600 ? 0.33 : base),
  },
  {
    name: "equal, failures that cause more",
    outcome: (random, _, { fails }) => wholly(random, Math.min(0.4, base + 0.97 * fails)),
  },
  {
    name: "errors +1 point (the margin)",
    outcome: (random, side) => user(random, more(side, margin), more(side, margin)),
  },
  { name: "the margin, of users who fail wholly", outcome: (random, side) => wholly(random, more(side, margin)) },
];

describe(`${rollouts} rollouts of 18,000 users who keep their side`, { timeout }, () => {
  const lines: string[] = [];
  const every = (scenario: UserScenario) => {
    const results = Array.from({ length: rollouts }, (_, seed) => userRollout(scenario, seed));
    const cells = (["errors", "users"] as const).map((by) => {
      const after = results.flatMap(({ bad }) => (bad?.by === by ? [bad.users] : [])).sort((one, other) => one - other);
      const median = after[after.length >> 1];
      return `${share(after.length, rollouts)}${median === undefined ? "" : `; after ${median.toLocaleString("en-US")}`}`;
    });
    const good = results.filter((result) => result.good).length;
    lines.push(`| ${scenario.name} | ${cells.join(" | ")} | ${share(good, rollouts)} |`);
    return { results, taken: results.flatMap(({ bad }) => bad ?? []), good };
  };

  test.each(equal)("$name: not taken back, beyond the risk", (scenario) => {
    const { taken } = every(scenario);
    expect(binomialTail(taken.length, rollouts, risk / 2), `${taken.length} of ${rollouts}`).toBeGreaterThan(0.001);
  });

  test.each<[string, "errors" | "users", UserScenario["outcome"]]>([
    ["every request fails", "errors", (random, side) => wholly(random, side === "new" ? 1 : base)],
    ["errors +5 points after the first request", "users", (random, side) => user(random, base, more(side, 0.05))],
  ])("%s: taken back, by %s", (name, by, outcome) => {
    const { taken } = every({ outcome, name });
    expect(taken.length).toBeGreaterThan(0.95 * rollouts);
    expect(taken.filter((each) => each.by === by).length).toBeGreaterThan(0.95 * taken.length);
  });

  // Of many it is only computed.
  test.skipIf(wholeMatrix)("docs/judge.md has this table (UPDATE_GOLDENS=1 writes it)", () => {
    const page = new URL("../../../../docs/judge.md", import.meta.url);
    const text = readFileSync(page, "utf8");
    const head =
      "| Users | Taken back by first requests | By all requests | Judge says good |\n| --- | --- | --- | --- |";
    const [begin, end] = ["<!-- simulation of users -->\n", "<!-- simulation of users: end -->"];
    const table = [head, ...lines].join("\n");
    const wanted = `${text.slice(0, text.indexOf(begin))}${begin}\n${table}\n\n${text.slice(text.indexOf(end))}`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(page, wanted);
    // The page is formatted: cells have spaces.
    const unpadded = (markdown: string) => markdown.replaceAll(/ +/g, " ").replaceAll(/-+/g, "-");
    if (!process.env.UPDATE_GOLDENS) expect(unpadded(text)).toBe(unpadded(wanted));
  });
});

test("a user between two shares counts for both, and for no more than by the share itself", () => {
  const pairs = { newFailed: 0, oldFailed: 0, alike: 0 };
  const nobody = failureShares.map(() => 0);
  const shares = [0, 0.001, 0.05, 0.3, 0.75, 0.99, 1];
  for (const share of shares) {
    const counts = countShares([{ share, users: 4 }]);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeCloseTo(4, 12);
    expect(counts.reduce((sum, count, place) => sum + count * (failureShares[place] ?? 0), 0)).toBeCloseTo(
      4 * share,
      12,
    );
    for (const [side, evidence] of [
      ["bad", logEvidenceOfBad],
      ["good", logEvidenceOfGood],
    ] as const) {
      for (const bet of betsOn[side].map((each) => ({ ...each, share: 1 }))) {
        for (const weight of [0.01, 0.1, 0.5]) {
          for (const version of ["new", "old"] as const) {
            const logOf = (of: number) =>
              evidence(
                {
                  routed: [],
                  pairs,
                  users: [{ weight, new: nobody, old: nobody, [version]: countShares([{ share: of, users: 1 }]) }],
                },
                margin,
                [bet],
              );
            const own = Math.log(share * Math.exp(logOf(1)) + (1 - share) * Math.exp(logOf(0)));
            expect(logOf(share)).toBeLessThanOrEqual(own + 1e-9);
          }
        }
      }
    }
  }
});

test("running sums of the simulation are the judge's own bounds", () => {
  const random = randomOf(1);
  const evidence = new UserEvidence();
  const users = [0.01, 0.1, 0.5].map((weight) => {
    const sides = { new: [] as { share: number; users: number }[], old: [] as { share: number; users: number }[] };
    for (let user = 0; user < 300; user += 1) {
      const isNew = random() < weight;
      const share = random() < 0.7 ? 0 : random();
      evidence.add(weight, isNew, share);
      sides[isNew ? "new" : "old"].push({ share, users: 1 });
    }
    return { weight, new: countShares(sides.new), old: countShares(sides.old) };
  });
  const counts = { routed: [], pairs: { newFailed: 0, oldFailed: 0, alike: 0 }, users };
  expect(evidence.bad()).toBeCloseTo(logEvidenceOfBad(counts, margin), 6);
  expect(evidence.good()).toBeCloseTo(logEvidenceOfGood(counts, margin), 6);
});

const steps = [{ generation: 7, weight: 10, at: 0, appliedAt: 1, isSticky: true }];
/** Counts by their places among the shares. */
const shares = (counts: Readonly<Record<number, number>>) => failureShares.map((_, place) => counts[place] ?? 0);
const drawn = (change: Partial<DrawnUsers>): DrawnUsers => ({
  of: "first",
  second: 100,
  generation: 7,
  side: "new",
  share: 0,
  users: 1,
  ...change,
});

describe("recorded users", () => {
  test("are a row of both versions for each second, with the weight of their cookie", () => {
    const rows = userRows(
      [
        ...[drawn({ second: 101 }), drawn({ side: "old", users: 8 }), drawn({ side: "old", share: 1 }), drawn({})],
        ...[drawn({ of: "whole", share: 0.375 })],
      ],
      steps,
    );
    const [nobody, one] = [shares({}), shares({ 0: 1 })];
    const of = { kind: "users", weight: 0.1 } as const;
    expect(rows).toEqual([
      { ...of, of: "first", second: 100, new: one, old: shares({ 0: 8, 7: 1 }) },
      { ...of, of: "whole", second: 100, new: shares({ 5: 0.5, 6: 0.5 }), old: nobody },
      { ...of, of: "first", second: 101, new: one, old: nobody },
    ]);
    for (const row of rows) expect(fromStored(JSON.parse(JSON.stringify(toStored(row, {}))))).toEqual(row);
  });

  test("of another rollout's cookie, or of a weight at which one version answers all, say nothing", () => {
    expect(userRows([drawn({ generation: 6 })], steps)).toEqual([]);
    expect(userRows([drawn({})], [{ ...steps[0], weight: 100 } as WeightStep])).toEqual([]);
  });
});

describe("a judge of users", () => {
  const settings: JudgeSettings = {
    risk: 0.01,
    maxErrorIncrease: 0.01,
    maxMismatch: 0.02,
    maxLatencyRatio: { p95: 2 },
    minRequests: 100,
    control: 5,
    users: true,
  };
  /** Of so many users, so many whose requests all fail. */
  interface Outcomes {
    readonly users: number;
    readonly failed: number;
  }
  const row = (of: UsersRow["of"], fresh: Outcomes, old: Outcomes): UsersRow => ({
    kind: "users",
    of,
    second: 100,
    weight: 0.5,
    new: shares({ 0: fresh.users - fresh.failed, 7: fresh.failed }),
    old: shares({ 0: old.users - old.failed, 7: old.failed }),
  });
  const judged = (...rows: readonly UsersRow[]) =>
    rows.reduce((judgement, each) => foldRow(judgement, each, settings), beginJudgement(settings.risk));
  const alike = { users: 3_000, failed: 2 };

  test("takes a version back whose first requests fail, before anybody's time is over", () => {
    const verdict = verdictOf(judged(row("first", { users: 14, failed: 14 }, { users: 15, failed: 0 })), settings);
    expect(verdict.decision).toBe("bad");
    expect(verdict.metrics.find(({ metric }) => metric === "errors")?.decision).toBe("bad");
  });

  test("takes a version back that fails its users later", () => {
    const whole = row("whole", { users: 900, failed: 120 }, { users: 900, failed: 4 });
    const verdict = verdictOf(judged(row("first", alike, alike), whole), settings);
    expect(verdict.decision).toBe("bad");
    expect(verdict.because).toEqual([
      expect.stringMatching(
        /^of the requests of a user 13.3 % fail, by 900 users, against 0.44 %, by 900, at least .* points more, 1.0 points are allowed$/,
      ),
    ]);
  });

  test("says good where first requests and users are, though answers and durations are compared later", () => {
    const open = verdictOf(judged(row("first", alike, alike)), settings);
    expect(open.because).toEqual([expect.stringContaining("of the requests of a user")]);
    const verdict = verdictOf(judged(row("first", alike, alike), row("whole", alike, alike)), settings);
    expect(verdict).toMatchObject({ decision: "good", because: [] });
    expect(verdict.notes).toEqual(["answers and p95 are compared once the new version answers all requests"]);
  });

  test("decides nothing where users do not come by the weight", () => {
    const half = verdictOf(judged(row("first", { users: 200, failed: 200 }, { users: 1_000, failed: 0 })), settings);
    expect(half.decision).toBe("undecided");
    expect(half.because.join()).toContain("the new version got 200 of 1,200 requests at a weight of 50 %");
  });

  test("waits for no user where nobody was drawn", () => {
    const few = { ...judged(row("first", alike, alike), row("whole", { users: 9, failed: 0 }, alike)), weight: 1 };
    for (const judgement of [{ ...beginJudgement(settings.risk), weight: 1 }, few])
      expect(verdictOf(judgement, settings).because.join()).not.toContain("of a user");
    expect(verdictOf({ ...few, weight: 0.5 }, settings).because.join()).toContain("of a user");
  });
});
