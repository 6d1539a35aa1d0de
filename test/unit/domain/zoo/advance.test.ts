import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { evidenceShares } from "../../../../src/domain/judgement/evidenceShares.ts";
import { beginJudgement, foldRow } from "../../../../src/domain/judgement/judgement.ts";
import type { JudgementRow } from "../../../../src/domain/judgement/rows.ts";
import type { JudgeSettings } from "../../../../src/domain/judgement/settings.ts";
import { verdictOf } from "../../../../src/domain/judgement/verdict.ts";
import {
  type AdvanceFacts,
  describeEntryEdits,
  hasEntryEdits,
  nextStep,
  withEntryEdits,
} from "../../../../src/domain/zoo/advance.ts";
import { evidencePicture } from "../../../../src/domain/zoo/evidencePicture.ts";

const settings: JudgeSettings = { risk: 0.01, maxErrorIncrease: 0.01, minRequests: 100, control: 5 };

/** A judgement of so many requests on each side. */
function judged(requests: number, newFailed = 0, seen = { new: 0, old: 0 }): AdvanceFacts["judged"] {
  const side = (failed: number) => ({ requests, failed, timed: [] });
  const row = { kind: "routed", second: 0, path: "route", weight: 0.5, new: side(newFailed), old: side(0) } as const;
  return { judgementId: "1", settings, state: foldRow(beginJudgement(settings.risk), row, settings), seen };
}

function facts(more: Partial<AdvanceFacts>): AdvanceFacts {
  const { phase = "version" } = more;
  const entry = { phase, traffic: 1, judge: {} };
  const good = judged(5_000);
  return { model: "iris", phase, entry, weight: 1, refused: null, judged: good, takenBack: undefined, ...more };
}

function step(more: Partial<AdvanceFacts>, to?: Parameters<typeof nextStep>[1]): string {
  const next = nextStep(facts(more), to);
  if (next.kind === "arrived") return "arrived";
  if (next.kind === "stop") return `stop: ${next.refusal.message}`;
  return next.kind === "edit" ? describeEntryEdits(next.edits) : `wait: ${next.because.join("; ")}`;
}

describe("the next step of a rollout", () => {
  const at = (phase: string, traffic: number, share?: number) => ({
    phase,
    traffic,
    judge: {},
    ...(share === undefined ? {} : { share }),
  });

  test.each<[Partial<AdvanceFacts>, string]>([
    [{ phase: "copy", entry: { phase: "copy", judge: {} }, judged: undefined }, "phase: copy → version, traffic: 1"],
    [{ phase: "copy", entry: { phase: "copy" }, judged: undefined }, "phase: copy → version"],
    [{}, "traffic: 1 → 10"],
    [{ entry: at("version", 10), weight: 10 }, "traffic: 10 → 50"],
    [{ entry: at("version", 20), weight: 20 }, "traffic: 20 → 50"],
    [{ entry: at("version", 50), weight: 50 }, "traffic: 50 → 100"],
    [{ entry: at("version", 100), weight: 100 }, "phase: version → forward, share: 1"],
    [{ phase: "forward", entry: at("forward", 100, 1), weight: 100 }, "share: 1 → 10"],
    [{ phase: "forward", entry: at("forward", 10, 1), weight: 10 }, "traffic: 10 → 50"],
    [{ phase: "forward", entry: at("forward", 100, 100), weight: 100 }, "phase: forward → bake"],
    [{ phase: "forward", entry: at("forward", 100), weight: 100 }, "phase: forward → bake"],
    [{ phase: "bake", entry: at("bake", 100), weight: 100 }, "phase: bake → done"],
  ])("%#: is one edit", (of, says) => {
    expect(step(of)).toBe(says);
  });

  test("needs a good verdict, and new requests since the last step on both sides", () => {
    expect(step({ judged: judged(50) })).toMatch(/^wait: errors 0 of 50 against 0 of 50, .*at least 100 are needed/);
    expect(step({ judged: judged(5_000, 0, { new: 4_950, old: 0 }) })).toBe(
      "wait: since the last step, the new version answered 50 requests and the old one 5,000; 100 are needed",
    );
    expect(step({ judged: judged(5_000, 0, { new: 4_900, old: 4_900 }) })).toBe("traffic: 1 → 10");
    expect(step({ judged: undefined })).toBe("wait: the judge has not begun");
    const alone = { ...settings, control: 0, maxErrors: 0.1 };
    const noControl = judged(5_000, 0, { new: 0, old: 5_000 });
    expect(step({ judged: noControl && { ...noControl, settings: alone } })).toBe("traffic: 1 → 10");
  });

  test("waits for what the next phase asks for, and only then", () => {
    expect(step({ refused: "no smoke set has passed" })).toBe("traffic: 1 → 10");
    expect(step({ entry: at("version", 100), weight: 100, refused: "no smoke set has passed" })).toBe(
      "wait: no smoke set has passed",
    );
    const paused = { ...at("forward", 100, 1), paused: true };
    expect(step({ phase: "forward", entry: paused, weight: 100 })).toBe("wait: menagerie:zoo.iris.paused is true");
  });

  test("stops where nothing that comes by itself helps", () => {
    expect(step({ judged: judged(5_000, 2_500) })).toMatch(
      /^stop: menagerie:zoo.iris.phase: the judge says bad: errors 2,500 of 5,000/,
    );
    expect(step({ takenBack: "taken back at 14:02" })).toMatch(/^stop: .*taken back at 14:02; set phase: reverted/);
    expect(step({ entry: { phase: "version", traffic: 1 } })).toMatch(/^stop: menagerie:zoo.iris.judge: missing/);
    expect(step({ phase: "done", entry: { phase: "done", judge: {} } })).toMatch(
      /^stop: .*no rollout of iris is under way/,
    );
    expect(step({ entry: at("version", 10), weight: 1 })).toMatch(
      /^stop: menagerie:zoo.iris.traffic: is 10 in the stack's file, and 1 is deployed/,
    );
    expect(step({ entry: at("forward", 100, 1), weight: 100 })).toMatch(
      /^stop: .*phase: is forward in the stack's file, and version is deployed/,
    );
  });

  test("ends at the phase that was named", () => {
    expect(step({ phase: "bake" }, "bake")).toBe("arrived");
    expect(step({ phase: "done" }, "bake")).toBe("arrived");
    expect(step({}, "version")).toBe("arrived");
    expect(step({}, "bake")).toBe("traffic: 1 → 10");
  });
});

test("edits are made, and taken back exactly", () => {
  const edits = [
    { key: "phase", from: "version", to: "forward" },
    { key: "share", from: undefined, to: 1 },
  ] as const;
  const before = { truss: "models/iris", phase: "version", traffic: 100 };
  const after = withEntryEdits(before, edits, "to");
  expect(after).toEqual({ ...before, phase: "forward", share: 1 });
  expect(withEntryEdits(after, edits, "from")).toEqual(before);
  expect([hasEntryEdits(after, edits, "to"), hasEntryEdits(before, edits, "to")]).toEqual([true, false]);
  expect([hasEntryEdits(after, edits, "from"), hasEntryEdits(before, edits, "from")]).toEqual([false, true]);
});

describe("the picture of evidence", () => {
  const lookAt = (requests: number, failed = 0) => {
    const { state } = judged(requests, failed) ?? {};
    if (!state) throw new Error("no judgement");
    return { shares: evidenceShares(state, settings), verdict: verdictOf(state, settings) };
  };

  test("rises to a full block where it is enough for good", () => {
    const looks = [10, 100, 300, 2_000].map((requests, at) => ({ at, ...lookAt(requests) }));
    expect(evidencePicture(looks, lookAt(2_000).verdict, 60)).toEqual([
      expect.stringMatching(/^ {2}errors {4}▁▁▂█ +good$/),
      expect.stringContaining("errors 0 of 2,000 against 0 of 2,000"),
    ]);
  });

  test("shows evidence of bad in a line of its own, and as many looks as fit", () => {
    const looks = Array.from({ length: 500 }, (_, at) => ({ at, ...lookAt(100 + at, Math.floor(at / 20)) }));
    const lines = evidencePicture(looks, lookAt(600, 24).verdict, 50);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/% of bad$/);
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(50);
  });

  test("of docs/rollouts.md is drawn from these requests", () => {
    const by: JudgeSettings = {
      risk: 0.01,
      maxErrorIncrease: 0.1,
      maxMismatch: 0.1,
      minRequests: 50,
      control: 5,
      recorded: true,
    };
    const side = (requests: number) => ({ requests, failed: 0, timed: [] });
    const coin = (second: number, weight: number, ofNew: number, ofOld: number): readonly JudgementRow[] => [
      { kind: "routed", path: "route", second, weight, new: side(ofNew), old: side(ofOld) },
      { kind: "recorded", second, weight, new: side(ofNew), old: side(ofOld) },
    ];
    const below = [...coin(1, 0.01, 9, 880), ...coin(2, 0.1, 30, 269), ...coin(3, 0.5, 130, 128)];
    const answered = { oldFailed: 0, newFailed: 0, bothFailed: 0, newTimed: [], oldTimed: [] };
    const compared = Array.from({ length: 11 }, (_, at): readonly JudgementRow[] => [
      { kind: "routed", second: 4 + at, path: "route", weight: 1, new: side(40), old: side(0) },
      { kind: "pairs", second: 4 + at, weight: 1, neitherFailed: 2, compared: 2, mismatches: 0, ...answered },
    ]);
    let state = below.reduce((judgement, row) => foldRow(judgement, row, by), beginJudgement(by.risk));
    const looks = compared.map((rows, at) => {
      state = rows.reduce((judgement, row) => foldRow(judgement, row, by), state);
      return { at, shares: evidenceShares(state, by) };
    });
    const verdict = verdictOf(state, by);
    const picture = [
      `iris: version, 100 % of the requests: ${verdict.decision}`,
      ...evidencePicture(looks, verdict, 120),
    ];
    const page = readFileSync(join(import.meta.dirname, "../../../../docs/rollouts.md"), "utf8");
    expect(page).toContain(`${picture.join("\n")}\n`);
  });

  test("has bounds that say what the verdict does", () => {
    for (const [requests, failed] of [
      [2_000, 0],
      [2_000, 1_000],
      [50, 1],
    ] as const) {
      const { shares, verdict } = lookAt(requests, failed);
      const [errors] = shares;
      if (!errors?.bounds) throw new Error("errors have no bounds");
      const { low, high, limit } = errors.bounds;
      expect([low, high, limit].every((bound) => bound >= -1 && bound <= 1)).toBe(true);
      expect(low).toBeLessThanOrEqual(high);
      const said = low > limit ? "bad" : high < limit ? "good" : "undecided";
      expect([requests, failed, said === "good", errors.bad === 1]).toEqual([
        ...[requests, failed],
        verdict.metrics[0]?.decision === "good",
        said === "bad",
      ]);
    }
    const latency = evidenceShares(judged(100)?.state ?? beginJudgement(0.01), {
      ...settings,
      maxLatencyRatio: { p95: 1.2 },
    });
    expect(latency.map(({ metric, bounds }) => [metric, bounds === null])).toEqual([
      ["errors", false],
      ["p95", true],
    ]);
  });
});
