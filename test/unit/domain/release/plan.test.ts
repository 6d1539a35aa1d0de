import { describe, expect, it } from "vitest";
import { type Combination, combinationDigest, describeChanges } from "../../../../src/domain/release/combination.ts";
import { planRelease, type RecordedRelease, type RecordedReleases } from "../../../../src/domain/release/plan.ts";
import type { Scheme } from "../../../../src/domain/release/scheme.ts";
import { parseTag } from "../../../../src/domain/release/tag.ts";

const combination = (code: string, versions: Readonly<Record<string, number>>): Combination => ({
  code,
  models: Object.entries(versions).map(([name, version]) => ({
    name,
    version,
    source: "zoo",
    hash: `hash of ${name} ${version}`,
  })),
});
const before = combination("1.2.0", { iris: 1 });
const after = combination("1.2.0", { iris: 2 });

/** A record in memory that answers as the tables do. */
function environment(scheme: Scheme, wantsCandidate = false) {
  const releases: RecordedRelease[] = [];
  return (next: Combination, asCandidate = wantsCandidate): string => {
    const newest = [...releases].reverse();
    const digest = combinationDigest(next);
    const recorded = (base: string | undefined): RecordedReleases => ({
      same: newest.filter((each) => combinationDigest(each) === digest),
      near: newest.filter((each) =>
        base === undefined ? each.number === Math.max(...newest.map(({ number }) => number ?? 0)) : each.base === base,
      ),
    });
    const draft = planRelease(scheme, next, asCandidate, { same: [], near: [] });
    const plan = planRelease(
      scheme,
      next,
      asCandidate,
      recorded(scheme === "deployment-manager" ? undefined : draft.base),
    );
    if (!plan.recorded) releases.push(plan);
    expect(parseTag(scheme, plan.tag).candidate ?? null).toBe(plan.candidate);
    return plan.tag;
  };
}

describe("a release's tag", () => {
  it("counts combinations with a deployment manager, and comes back with its combination", () => {
    const up = environment("deployment-manager");
    expect(up(before)).toBe("release-1");
    expect(up(before)).toBe("release-1");
    expect(up(after)).toBe("release-2");
    expect(up(combination("1.3.0", { iris: 2 }))).toBe("release-3");
    expect(up(before)).toBe("release-1");
    expect(up(combination("1.2.0", { iris: 9 }))).toBe("release-4");
  });

  it("counts candidates for as long as the code stays the same", () => {
    const up = environment("deployment-manager", true);
    expect([up(before), up(after), up(before)]).toEqual(["release-1-rc.1", "release-1-rc.2", "release-1-rc.1"]);
    expect(up(combination("1.3.0", { iris: 2 }))).toBe("release-2-rc.1");
  });

  it.each(["tags", "model-centric"] as const)("says code and models in the scheme %s", (scheme) => {
    const up = environment(scheme);
    expect(up(combination("1.2.3", { model2: 45, model1: 42 }))).toBe("v1.2.3-model1v42-model2v45");
    expect(up(combination("1.2.3", { model2: 46, model1: 42 }))).toBe("v1.2.3-model1v42-model2v46");
    expect(up(combination("1.2.3", { model2: 46, model1: 42 }), true)).toBe("v1.2.3-model1v42-model2v46-rc.1");
  });

  it.each(["models-as-dependencies", "code-centric"] as const)("is the version alone in the scheme %s", (scheme) => {
    const up = environment(scheme);
    expect(up(before)).toBe("v1.2.0");
    expect(() => up(after)).toThrow(
      /versioning\.code: release v1\.2\.0 is in the record with other models \(iris: 1 → 2\); a model of another version is a minor change: set it to 1\.3\.0/,
    );
    expect(up({ ...after, code: "1.3.0" })).toBe("v1.3.0");
    expect(up(before)).toBe("v1.2.0");
  });

  it("lets candidates of one version try several models", () => {
    const up = environment("models-as-dependencies", true);
    expect([up(before), up(after), up(before), up(after, false)]).toEqual([
      "v1.2.0-rc.1",
      "v1.2.0-rc.2",
      "v1.2.0-rc.1",
      "v1.2.0",
    ]);
  });

  it("is not given twice to two contents of one model version", () => {
    const up = environment("tags");
    up(before);
    const other = { ...before, models: before.models.map((model) => ({ ...model, hash: "other" })) };
    expect(() => up(other)).toThrow(
      /v1\.2\.0-irisv1 is in the record with other models \(iris: another content of version 1\)/,
    );
  });
});

describe("a combination", () => {
  it("has one digest in whatever order its models stand", () => {
    const { models } = combination("1.0.0", { a: 1, b: 2, c: 3 });
    const digests = [models, [...models].reverse()].map((each) => combinationDigest({ code: "1.0.0", models: each }));
    expect(digests[0]).toBe(digests[1]);
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(digests[0]).not.toBe(combinationDigest({ code: "1.0.1", models }));
  });

  it("tells what changed", () => {
    expect(describeChanges(combination("1.0.0", { a: 1, b: 2 }), combination("1.1.0", { a: 3, c: 4 }))).toEqual([
      "code: 1.0.0 → 1.1.0",
      "a: 1 → 3",
      "b: 2 → gone",
      "c: new, 4",
    ]);
    expect(describeChanges(before, before)).toEqual([]);
  });
});
