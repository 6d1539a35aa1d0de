import { describe, expect, test } from "vitest";
import { changedOutsideTrial, changedPipelines } from "../../../../src/domain/bisect/outsideTrial.ts";
import { describePlan, mostRestores, type SearchPlan } from "../../../../src/domain/bisect/plan.ts";
import {
  type BisectReport,
  describeReport,
  type ReportedRelease,
  recordedCommit,
} from "../../../../src/domain/bisect/report.ts";

function release(number: number, more: Partial<ReportedRelease> = {}): ReportedRelease {
  return {
    deployment: String(number),
    tag: `release-${number}`,
    since: "2026-11-01T00:00:00.000Z",
    requestedBy: "ada@laptop",
    commit: "c0ffee1",
    dirtyCommit: null,
    ...more,
  };
}

const report: BisectReport = {
  stack: "local",
  model: "iris",
  asked: "request 7f3a",
  expected: "an answer of release-1",
  from: release(1),
  to: release(9),
  change: { fault: "came", last: release(4), first: [release(5)], contrary: [] },
  parts: [
    { kind: "config", model: "iris", key: "env.A", from: '"1"', to: null, releases: [release(5)], needed: true },
    { kind: "model", model: "iris", from: "version 1", to: "version 2", releases: [release(5)], needed: true },
  ],
  judged: [
    { ...release(9), asked: 20, faulty: 20, side: "young" },
    { ...release(1), asked: 20, faulty: 0, side: "old" },
  ],
  notJudged: [{ ...release(3), reason: "its image is gone" }],
  restores: 1,
  notes: ["a note"],
};

describe("a report in words", () => {
  test("begins with the release, names the parts and the commit, and lists releases in their order", () => {
    const [headline, ...lines] = describeReport(report).split("\n");
    expect(headline).toBe("the fault came with release-5 (deployment 5), after release-4 (deployment 4)");
    expect(lines.join("\n")).toContain("only together, these parts make the difference:");
    expect(lines).toContain('  menagerie:zoo.iris.env.A: "1" → not there, commit c0ffee1');
    expect(lines.filter((line) => /^release-/.test(line))).toEqual([
      "release-1 (deployment 1): 0 of 20 answers not as expected",
      "release-3 (deployment 3): not judged, its image is gone",
      "release-9 (deployment 9): 20 of 20 answers not as expected",
    ]);
    expect(lines.slice(-2)).toEqual(["1 restore", "note: a note"]);
  });

  test("says what is not known: a range, other transitions, parts that may be needless, commits", () => {
    const text = describeReport({
      ...report,
      change: { fault: "went", last: release(4), first: [release(5), release(6)], contrary: [release(8)] },
      parts: [
        {
          kind: "table",
          table: "item",
          from: "rows of v1",
          to: "rows of v2",
          needed: false,
          releases: [release(6, { commit: null, dirtyCommit: "abc" })],
        },
        {
          kind: "tag",
          from: "v1",
          to: "v2",
          needed: true,
          releases: [release(6, { commit: null })],
        },
      ],
    });
    expect(text).toContain("the fault went with one of release-5 (deployment 5), release-6 (deployment 6)");
    expect(text).toContain("one transition of several: the fault comes and goes, see release-8 (deployment 8)");
    expect(text).toContain("commit unknown: files differed from abc; may be needless");
    expect(text).toContain("commit unknown: not deployed from a git repository");
    expect(text).not.toContain("only together");
  });
});

test("a commit that files differed from is no commit of the release", () => {
  expect(recordedCommit("abc-dirty")).toEqual({ commit: null, dirtyCommit: "abc" });
  expect(recordedCommit("abc")).toEqual({ commit: "abc", dirtyCommit: null });
  expect(recordedCommit(null)).toEqual({ commit: null, dirtyCommit: null });
});

test("keys that a trial does not have are named, of the models that are brought up only what a trial has not", () => {
  const zoo = (FACTOR: string, replicas: number, phase: string) => ({
    iris: { env: { FACTOR }, replicas, phase },
    other: { env: { FACTOR } },
  });
  const before = { zoo: zoo("1", 1, "done"), pools: { t4: { replicas: 1 } }, versioning: { code: "1.0.0" } };
  const after = { zoo: zoo("2", 2, "copy"), pools: { t4: { replicas: 2 } }, versioning: { code: "1.1.0" } };
  expect(changedOutsideTrial(before, after, { models: new Set(["iris"]), hasRows: false })).toEqual([
    "zoo.iris.replicas",
    "zoo.other.env.FACTOR",
    "pools.t4.replicas",
  ]);
});

test("a pipeline that changed is named, and is in what is judged where its rows are", () => {
  const before = { state: { keep: 3, pipelines: { words: { truss: "models/words" }, old: { truss: "models/old" } } } };
  const after = { state: { keep: 3, pipelines: { words: { truss: "models/words", env: { N: "2" } } } } };
  const models = new Set(["iris"]);
  expect(changedPipelines(before, after)).toEqual(["old", "words"]);
  expect(changedPipelines({}, after)).toEqual([]);
  expect(changedOutsideTrial(before, after, { models, hasRows: true })).toEqual([]);
  expect(changedOutsideTrial(before, after, { models, hasRows: false })).toEqual([
    "state.pipelines.words.env",
    "state.pipelines.old",
  ]);
});

test("a plan says how many are brought up at most, what is known and what cannot be", () => {
  const place = (number: number, known: SearchPlan["places"][number]["known"], more: readonly string[] = []) => ({
    label: `release-${number}`,
    releases: [`release-${number}`, ...more],
    known,
  });
  const plan: SearchPlan = {
    releases: 6,
    places: [
      place(1, "answered", ["release-2"]),
      place(3, { notJudged: "its image is gone" }),
      place(4, "not yet"),
      place(5, "not yet"),
      place(6, "not yet"),
    ],
  };
  expect(mostRestores(plan)).toBe(4);
  const text = describePlan(plan, "iris");
  expect(text).toContain("release-1, and 1 release after it with the same content, answered before");
  expect(text).toContain("release-3, not judged: its image is gone");
  expect(text).toContain("at most 4 of them would be brought up");
});
