import { describe, expect, test } from "vitest";
import {
  describeImpact,
  type ImpactRequests,
  impactHeadline,
  impactTotals,
  type VersionImpact,
} from "../../../../src/domain/zoo/impact.ts";
import { impactPage } from "../../../../src/domain/zoo/impactPage.ts";

const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 30, 14, minute));

function requests(count: number, errors: number, more: Partial<ImpactRequests> = {}): ImpactRequests {
  const [first, last] = count === 0 ? [null, null] : [at(2), at(30)];
  return { requests: count, errors, first, last, knownSeconds: 3_600, windowSeconds: 3_600, ...more };
}

function version(more: Partial<VersionImpact> = {}): VersionImpact {
  return {
    model: "iris",
    versionId: "10",
    number: 2,
    hash: "5f0c1d2ab9e4".repeat(5),
    window: { since: at(0), until: null },
    requests: { route: requests(1_204, 12), app: requests(0, 0) },
    apps: [{ id: "6", name: "mine", organization: "ada", since: at(1), until: at(40) }],
    weights: [{ at: at(0), appliedAt: at(0), weight: 1, control: 0, by: "up" }],
    compared: null,
    notCompared: "menagerie:zoo.iris.recording is not declared",
    ...more,
  };
}

describe("an impact", () => {
  test("is summed over versions and windows, each app and organization once", () => {
    const again = version({
      window: { since: at(50), until: at(60) },
      requests: { route: requests(6, 0), app: requests(4, 1) },
    });
    const impact = { subject: "release v1.2.0", versions: [version(), again] };
    expect(impactTotals(impact)).toMatchObject({
      requests: 1_214,
      errors: 13,
      apps: 1,
      organizations: ["ada"],
      first: at(2),
      last: at(30),
    });
    expect(impactHeadline(impact)).toBe(
      "release v1.2.0 answered 1,214 requests between 2026-11-30T14:02:00Z and 2026-11-30T14:30:00Z, 13 of which failed, and 1 app of 1 organization.",
    );
  });

  test("says what was not counted, and why answers were not compared", () => {
    const half = requests(0, 0, { knownSeconds: 1_800 });
    const text = describeImpact({
      subject: "the rollout of iris",
      versions: [version({ requests: { route: half, app: half } })],
    });
    expect(text).toContain("own route   no request was counted; 50 % of the time was not counted");
    expect(text).toContain("answers     not compared: menagerie:zoo.iris.recording is not declared");
    expect(text).toContain("traffic     2026-11-30T14:00:00Z  1 %, by up");
    expect(text).toContain("apps        mine (6) of ada");
  });

  test("of nothing is nothing", () => {
    const nothing = version({ requests: { route: requests(0, 0), app: requests(0, 0) }, apps: [] });
    expect(impactHeadline({ subject: "the rollout of iris", versions: [nothing] })).toBe(
      "the rollout of iris answered nothing that was counted.",
    );
  });

  test("is a page without scripts, whose names are escaped", () => {
    const named = version({ apps: [{ id: "6", name: "<b>", organization: "a&b", since: at(1), until: null }] });
    const page = impactPage({ subject: "the rollout of iris", versions: [named] }, at(0));
    expect(page).toContain("&#60;b&#62; (6)");
    expect(page).not.toContain("<script");
  });
});
