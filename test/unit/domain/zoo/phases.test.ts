import { describe, expect, it } from "vitest";
import {
  type Phase,
  phaseRefusal,
  phases,
  type RolloutFacts,
  type RolloutRequest,
} from "../../../../src/domain/zoo/phases.ts";
import type { RegisteredVersion } from "../../../../src/domain/zoo/plan.ts";
import { planRollout, type ZooState } from "../../../../src/domain/zoo/rolloutPlan.ts";
import { describeTakeBack, type TakenBack } from "../../../../src/domain/zoo/takeBack.ts";
import { weightFor } from "../../../../src/domain/zoo/takeBackWeight.ts";
import { irisServing } from "../../../support/irisServing.ts";

const refusal = (...judged: Parameters<typeof phaseRefusal>) => phaseRefusal(...judged)?.message;

const version = (number: number, change: Partial<RegisteredVersion> = {}): RegisteredVersion => ({
  id: `${10 + number}`,
  number,
  hash: `hash-${number}`,
  isCurrent: false,
  apps: 0,
  image: `iris@sha256:${number}`,
  serving: irisServing,
  ...change,
});
const old = version(1);
const smoke = { kind: "smoke", suite: "s" };

const request = (phase: Phase, change: Partial<RolloutRequest> = {}): RolloutRequest => ({
  model: "iris",
  phase,
  from: "11",
  hash: "hash-2",
  gates: [smoke],
  ...change,
});

/** A rollout from version 1 to version 2 that stands in `phase`, with nothing in the way of the next one. */
function facts(phase: Phase | undefined, change: Partial<RolloutFacts> = {}): RolloutFacts {
  const newIsCurrent = phase === "version" || phase === "forward" || phase === "bake" || phase === "done";
  const newest = version(2, { isCurrent: newIsCurrent });
  const registered = [{ ...old, isCurrent: !newIsCurrent }];
  if (newIsCurrent || phase === "reverted") registered.push(newest);
  return {
    recorded: phase && { phase, from: "11", hash: "hash-2" },
    registered,
    copyApps: 0,
    passed: [smoke],
    bakeSecondsLeft: phase === "bake" ? 0 : undefined,
    ...change,
  };
}

/** Whether an `up` may go from a recorded phase to another, in one rollout with one content. */
const mayFollow: Record<Phase | "nothing", readonly Phase[]> = {
  nothing: ["off", "copy"],
  off: ["off", "copy"],
  copy: ["off", "copy", "version"],
  version: ["version", "forward", "reverted"],
  forward: ["forward", "bake", "reverted"],
  bake: ["forward", "bake", "done", "reverted"],
  done: ["done"],
  reverted: ["off", "copy", "reverted"],
};

describe("a content that a guard took back", () => {
  const taken: TakenBack = {
    id: "1",
    model: "iris",
    from: "11",
    hash: "hash-2",
    action: "revert",
    cause: "7",
    reason: "errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed",
    weight: 50,
    at: new Date("2026-01-30T14:02:59Z"),
    doneAt: new Date("2026-01-30T14:03:00Z"),
    obstacle: null,
  };
  const takenBack = [taken];
  const said =
    "is refused: taken back at 2026-01-30 14:02 (errors 12 of 180 against 3 of 1,620); set phase: reverted, or a new content; after a false alarm, `menagerie rollout resume iris --because TEXT`";

  it("stays in its phase, and goes back", () => {
    for (const phase of ["version", "forward", "bake"] as const) {
      expect(refusal(request(phase), facts(phase, { takenBack }))).toBeUndefined();
      expect(refusal(request("reverted"), facts(phase, { takenBack }))).toBeUndefined();
    }
  });

  it.each([
    ["copy", "version"],
    ["version", "forward"],
    ["forward", "bake"],
    ["bake", "done"],
  ] as const)("does not go from %s to %s", (from, to) => {
    expect(phaseRefusal(request(to), facts(from, { takenBack }))).toMatchObject({
      id: "rollout.taken-back",
      exitCode: 3,
    });
    expect(refusal(request(to), facts(from, { takenBack }))?.replace(/^[^"]*/, "")).toBe(`"${to}" ${said}`);
    // Another content of the same rollout's versions, and the same from another version.
    for (const other of [{ hash: "hash-3" }, { from: "10" }, { model: "lily" }]) {
      expect(refusal(request(to), facts(from, { takenBack: [{ ...taken, ...other }] }))).toBeUndefined();
    }
  });

  it("gets no higher weight, and the one that it had does not stop a preview", () => {
    const split = (weight: number) => request("forward", { traffic: { weight, control: 0, sticky: undefined } });
    expect(refusal(split(50), facts("forward", { takenBack }))).toBeUndefined();
    expect(refusal(split(60), facts("forward", { takenBack }))).toBe(`menagerie:zoo.iris.traffic: 60 ${said}`);
  });

  it("is not deployed directly, unless users have it by another way", () => {
    const direct = request("done", { from: undefined });
    const without = facts("off", { takenBack, recorded: { phase: "off", from: undefined, hash: "hash-1" } });
    expect(refusal(direct, without)).toBe(`menagerie:zoo.iris.truss: its content ${said}`);
    expect(refusal(request("off", { from: undefined }), without)).toBeUndefined();
    expect(refusal(direct, facts("done", { takenBack }))).toBeUndefined();
  });

  it("is told with its day where that is another, and with what is in its way", () => {
    const now = new Date("2026-01-30T15:00:00Z");
    expect(describeTakeBack(taken, now)).toBe("taken back at 14:02 (errors 12 of 180 against 3 of 1,620)");
    const stuck = { ...taken, action: "hold", doneAt: null, obstacle: "the old version is not served" } as const;
    expect(describeTakeBack(stuck, now)).toBe(
      "held at 14:02 (errors 12 of 180 against 3 of 1,620), still under way: the old version is not served",
    );
  });
});

describe("the weight that a new version keeps", () => {
  it.each([
    [{ ready: 3, wanted: 3, sleeps: false }, 0],
    [{ ready: 5, wanted: 3, sleeps: false }, 0],
    [{ ready: 0, wanted: 1, sleeps: true }, 0],
    [{ ready: 2, wanted: 3, sleeps: false }, 34],
    [{ ready: 1, wanted: 4, sleeps: false }, 75],
    [{ ready: 0, wanted: 3, sleeps: false }, 100],
  ])("with %o of the old one is %i", (old, weight) => {
    expect(weightFor(old)).toBe(weight);
  });
});

describe("a rollout's phases follow each other", () => {
  for (const recorded of ["nothing", ...phases] as const) {
    for (const asked of phases) {
      const allowed = mayFollow[recorded].includes(asked);
      it(`${asked} ${allowed ? "follows" : "does not follow"} ${recorded}`, () => {
        const said = refusal(request(asked), facts(recorded === "nothing" ? undefined : recorded));
        if (allowed) expect(said).toBeUndefined();
        else expect(said).toMatch(/^menagerie:zoo\.iris\.(phase|from|truss): .+; .+/);
      });
    }
  }

  it.each([
    ["copy", "forward", '"forward" skips a step; the rollout is in phase copy, and version comes next'],
    ["version", "done", '"done" skips a step; the rollout is in phase version, and forward comes next'],
    [
      "forward",
      "version",
      '"version" is a step back from forward; finish the rollout from "11", or set phase: reverted',
    ],
    ["bake", "copy", '"copy" is a step back from bake; finish the rollout from "11", or set phase: reverted'],
    [
      "done",
      "reverted",
      '"reverted" is not possible any more: the rollout is done; roll the old content out by phase: copy',
    ],
    [
      "copy",
      "reverted",
      '"reverted" is for apps that may have moved, and the rollout is in phase copy; to give it up, set phase: off',
    ],
    ["reverted", "forward", '"forward" does not follow reverted; begin another rollout by phase: copy'],
  ] as const)("from %s to %s: %s", (recorded, asked, sentence) => {
    expect(refusal(request(asked), facts(recorded))).toBe(`menagerie:zoo.iris.phase: ${sentence}`);
  });
});

describe("a rollout keeps its content and its old version", () => {
  it.each(["version", "forward", "bake", "done"] as const)("in phase %s", (phase) => {
    const before = phases[Math.max(0, phases.indexOf(phase) - 1)];
    expect(refusal(request(phase, { hash: "hash-3" }), facts(before))).toMatch(
      /^menagerie:zoo.iris.truss: changed since the copy was tested \(hash hash-3 instead of hash-2\); put it back/,
    );
  });

  it("while it is only a copy, or reverted, the folder may change", () => {
    expect(refusal(request("copy", { hash: "hash-3" }), facts("copy"))).toBeUndefined();
    expect(refusal(request("reverted", { hash: "hash-3" }), facts("forward"))).toBeUndefined();
  });

  it("another from is refused while apps may be on either side", () => {
    const registered = [old, version(2, { isCurrent: true }), version(3)];
    expect(refusal(request("forward", { from: "13" }), facts("version", { registered }))).toBe(
      'menagerie:zoo.iris.from: "13" is not what the rollout in phase version leaves; use from: "11"',
    );
  });

  it("leaving from out is refused until it is done or reverted, and gives a copy up when the folder is as before", () => {
    for (const phase of ["version", "forward", "bake"] as const) {
      expect(refusal(request("done", { from: undefined }), facts(phase))).toMatch(/keep from: "11" until it is done/);
    }
    expect(refusal(request("done", { from: undefined }), facts("copy"))).toMatch(/put the truss folder back/);
    expect(refusal(request("done", { from: undefined, hash: "hash-1" }), facts("copy"))).toBeUndefined();
    expect(refusal(request("done", { from: undefined }), facts("done"))).toBeUndefined();
    expect(refusal(request("done", { from: undefined }), facts("reverted"))).toMatch(/its content was reverted/);
    expect(refusal(request("done", { from: undefined, hash: "hash-3" }), facts("reverted"))).toBeUndefined();
  });

  it("begins from the current version, one that exists, with another content than it has", () => {
    expect(refusal(request("copy", { from: "99" }), facts(undefined))).toBe(
      'menagerie:zoo.iris.from: no version of iris has the id "99"; known are "11" (version 1)',
    );
    const registered = [old, version(2, { isCurrent: true })];
    expect(refusal(request("copy", { hash: "hash-3" }), facts("done", { registered }))).toMatch(/use from: "12"/);
    expect(refusal(request("copy", { hash: "hash-1" }), facts(undefined))).toMatch(/has the very content of version 1/);
    const unserved = [version(1, { serving: undefined, isCurrent: true })];
    expect(refusal(request("copy"), facts(undefined, { registered: unserved }))).toMatch(
      /was not recorded; run `up` once/,
    );
  });

  it("needs a from in every phase that leaves something", () => {
    for (const phase of ["copy", "forward", "bake", "reverted"] as const) {
      expect(refusal(request(phase, { from: undefined }), facts(undefined))).toMatch(
        /add from: "11", its current version/,
      );
    }
  });
});

describe("what is in the way of a phase", () => {
  it("apps on the copy, when it is left", () => {
    const said =
      "menagerie:zoo.iris.phase: 2 apps point at iris_copy, which would be removed; take them back by `menagerie rollout untry`";
    for (const phase of ["version", "off"] as const)
      expect(refusal(request(phase), facts("copy", { copyApps: 2 }))).toBe(said);
    expect(refusal(request("copy"), facts("copy", { copyApps: 2 }))).toBeUndefined();
  });

  it("missing evidence, when apps are to move, of this very suite", () => {
    const said = (change: Partial<RolloutRequest>, passed = [smoke]) =>
      refusal(request("forward", change), facts("version", { passed }));
    expect(said({}, [])).toMatch(/"forward" needs evidence that smoke passed for content hash-2, and there is none/);
    expect(said({ gates: [{ kind: "smoke", suite: "edited" }] })).toMatch(/needs evidence/);
    expect(said({ gates: [smoke, { kind: "shadow", suite: "s" }] })).toMatch(/that shadow passed/);
    expect(said({ gates: [] })).toMatch(/^menagerie:zoo.iris.smoke: missing; forward moves apps only with evidence/);
    expect(refusal(request("version"), facts("copy", { passed: [] }))).toBeUndefined();
  });

  it("apps on the old version, when the bake begins and when it is removed", () => {
    const registered = [{ ...old, apps: 1 }, version(2, { isCurrent: true })];
    expect(refusal(request("bake"), facts("forward", { registered }))).toMatch(
      /1 app still points at version 1; run `up` with phase: forward/,
    );
    expect(refusal(request("bake"), facts("bake", { registered }))).toBeUndefined();
    expect(refusal(request("done"), facts("bake", { registered }))).toBe(
      'menagerie:zoo.iris.phase: "done" would remove version 1, and 1 app still points at version 1; move them by phase: forward, or leave those that their users pointed back by menagerie:zoo.iris.leave: ["<id>"]',
    );
  });

  it("requests that the old version still answers, before the bake begins and before the old version goes", () => {
    const divided = (phase: Phase, weight: number, isOfRollout = true) => {
      const traffic = { generation: 3, weight, control: 0, sticky: undefined, isOfRollout };
      return facts(phase, { recorded: { phase, from: "11", hash: "hash-2", traffic } });
    };
    expect(refusal(request("bake"), divided("forward", 50))).toBe(
      'menagerie:zoo.iris.phase: "bake" is for a version that answers every request, and the new one answers 50 % of them; set traffic: 100 with phase: forward and run `up` first',
    );
    expect(refusal(request("done"), divided("bake", 0))).toMatch(/^menagerie:zoo.iris.phase: "done" is for a version/);
    for (const phase of ["version", "forward", "reverted"] as const) {
      expect(refusal(request(phase), divided("version", 50))).toBeUndefined();
    }
    expect(refusal(request("bake"), divided("forward", 100))).toBeUndefined();
    expect(refusal(request("bake"), divided("forward", 50, false))).toBeUndefined();
  });

  it("the time that the bake still takes", () => {
    const left = (bakeSecondsLeft: number) => refusal(request("done"), facts("bake", { bakeSecondsLeft }));
    expect(left(0)).toBeUndefined();
    expect(left(-100)).toBeUndefined();
    expect(left(0.4)).toMatch(/is over, in 1 s;/);
    expect(left(90 * 60)).toMatch(/in 90 min;/);
    expect(left(2 * 86_400 - 1)).toMatch(/in 2 d 0 h;/);
  });

  it("apps of a model that is to be switched off", () => {
    const registered = [version(1, { isCurrent: true, apps: 3 })];
    expect(refusal(request("off", { from: undefined }), facts(undefined, { registered }))).toMatch(
      /3 apps of version 1/,
    );
  });
});

describe("what is served", () => {
  const plan = (
    phase: Phase,
    recorded: Phase | undefined,
    change: Partial<ZooState> = {},
    asked: Partial<RolloutRequest> = {},
  ) => {
    const { registered } = facts(recorded);
    const state = { recorded: facts(recorded).recorded, registered, copies: [], ...change };
    return planRollout(request(phase, asked), state);
  };
  const shown = ({ versions }: ReturnType<typeof plan>) =>
    versions.map(
      ({ model, number, row, current }) =>
        `${model} ${number}${row ? " row" : ""}${current && model === "iris" ? " current" : ""}`,
    );

  it.each([
    ["off", "off", ["iris 1 row current"]],
    ["copy", "off", ["iris 1 row current", "iris_copy 1"]],
    ["version", "copy", ["iris 2 current", "iris 1 row"]],
    ["forward", "version", ["iris 2 current", "iris 1 row"]],
    ["bake", "forward", ["iris 2 current", "iris 1 row"]],
    ["done", "bake", ["iris 2 current"]],
    ["reverted", "forward", ["iris 1 row current"]],
  ] as const)("in phase %s", (phase, recorded, served) => expect(shown(plan(phase, recorded))).toEqual(served));

  it("includes every version that apps point at", () => {
    const registered = [{ ...old, isCurrent: false }, version(2, { isCurrent: true, apps: 1 })];
    expect(shown(plan("reverted", "forward", { registered }))).toEqual(["iris 1 row current", "iris 2 row"]);
    const third = [version(1, { apps: 2 }), version(2, { isCurrent: true })];
    expect(shown(plan("done", "done", { registered: third }, { from: undefined, hash: "hash-3" }))).toEqual([
      "iris 3 current",
      "iris 1 row",
    ]);
  });

  it("directly deployed content takes the place of the current one, unless apps point at that", () => {
    const direct = (apps: number) =>
      plan("done", undefined, { registered: [version(1, { isCurrent: true, apps })] }, { from: undefined });
    expect(direct(0).target?.replaces).toEqual({ model: "iris", number: 1 });
    expect(direct(1).target?.replaces).toBeUndefined();
    expect(shown(direct(1))).toEqual(["iris 2 current", "iris 1 row"]);
    expect(plan("version", "copy").target?.replaces).toBeUndefined();
  });

  it("and who moves", () => {
    expect(plan("version", "copy").migration).toBeUndefined();
    for (const phase of ["forward", "bake"] as const) {
      expect(plan(phase, "forward").migration).toEqual({ direction: "forward", from: "11", to: "12" });
    }
    expect(plan("reverted", "bake").migration).toEqual({ direction: "reverted", from: "11", to: "12" });
    expect(plan("done", "bake").migration).toBeUndefined();
  });
});
