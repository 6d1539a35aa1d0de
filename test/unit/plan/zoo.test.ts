import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import type { RegisteredVersion } from "../../../src/domain/zoo/plan.ts";
import {
  emptyRegistry,
  type StoredEvidence,
  type StoredRollout,
  type ZooRegistry,
} from "../../../src/domain/zoo/registry.ts";
import { digestOf, type SmokeCase, suiteOf } from "../../../src/domain/zoo/smoke.ts";
import { standings } from "../../../src/domain/zoo/standing.ts";
import type { TakenBack } from "../../../src/domain/zoo/takeBack.ts";
import { concernedByContent, readFromFolders } from "../../../src/plan/content.ts";
import type { PlatformPlan } from "../../../src/plan/platform.ts";
import { planZoo } from "../../../src/plan/zoo.ts";
import { contentOf, registeredVersion } from "../../support/registeredVersion.ts";

const row = (number: number, change: Partial<RegisteredVersion> = {}, pool = "cpu"): RegisteredVersion =>
  registeredVersion(number, {
    serving: {
      truss: "models/m",
      mode: "Standard",
      pool,
      env: { FACTOR: String(number) },
      secrets: ["token"],
      replicas: { min: 1, max: 1 },
      resources: { cpu: "1", memory: "1Gi", gpus: pool === "cpu" ? 0 : 1 },
    },
    ...change,
  });
const rollout = (change: Partial<StoredRollout> = {}): StoredRollout => ({
  model: "m",
  phase: "done",
  from: undefined,
  hash: contentOf(1),
  since: new Date(0),
  bakeSecondsLeft: undefined,
  ...change,
});

function registryOf(versions: RegisteredVersion[], recorded: StoredRollout | undefined): ZooRegistry {
  return {
    ...emptyRegistry,
    versions: new Map([["m", versions]]),
    rollouts: recorded ? new Map([["m", recorded]]) : new Map(),
  };
}

function plan(
  zoo: object,
  registry: ZooRegistry | undefined,
  config: object = {},
  folder = contentOf(2),
  readyPods?: PlatformPlan["readyPods"],
) {
  const spec = parseEnvironment({ zoo, ...config }, { gatewayUrl: "http://gateway" });
  const platform = registry && ({ basis: "read", registry, readyPods } as PlatformPlan);
  return planZoo(spec, {
    platform,
    hashes: new Map([["models/m", folder]]),
    secretsOf: () => ["new_token"],
    smoke: new Map(),
  });
}

const m = (change: object) => ({ m: { truss: "models/m", phase: "done", ...change } });
const t4 = { pools: { t4: { gpu: { kind: "t4", perNode: 1 }, replicas: 1 } } };

describe("a service gets a name of its own each time it is made", () => {
  const standard = row(2, { isCurrent: true });
  const serving = standard.serving && { ...standard.serving, service: "m-v2-0f0f0f0f" };
  const made = row(2, { isCurrent: true, serving });
  it.each<[string, object, RegisteredVersion[], object, boolean]>([
    ["a new version", {}, [], {}, true],
    ["a version that was made so", {}, [made], {}, true],
    ["one that an earlier Menagerie made", {}, [standard], {}, false],
    ["one of those, in another mode", { mode: "Knative" }, [standard], {}, true],
    ["a version with a GPU, which its successor needs", { pool: "t4" }, [], t4, false],
    ["a name that leaves no room for it", {}, [], { namespace: "n".repeat(44) }, false],
  ])("%s", (_what, change, rows, config, renamed) => {
    const target = plan(m(change), registryOf(rows, undefined), config).get("m")?.target;
    expect([target?.service, target?.renamed]).toEqual([rows.length > 0 ? "m-v2" : "m-v1", renamed]);
  });
  it("is not a change of how it is served", () => {
    const planned = plan(m({ env: { FACTOR: "2" } }), registryOf([made], rollout({ hash: contentOf(2) }))).get("m");
    expect(planned?.versions.map((each) => "service" in each.serving)).toEqual([false]);
  });
});

it("an app that stays by choice is told where it stays, and not where it is once it has moved on", () => {
  const rows = [row(1, { apps: 1, left: 1 }), row(2, { isCurrent: true, apps: 3, left: 1 })];
  const recorded = rollout({ phase: "bake", from: "11", hash: contentOf(2), bakeSecondsLeft: 0 });
  const zoo = m({ phase: "bake", from: "11", leave: ["7", "8"] });
  const lines = plan(zoo, registryOf(rows, recorded)).get("m")?.lines;
  expect(lines).toEqual(
    expect.arrayContaining([
      "version 1: served as before, 1 app points at it, left there by menagerie:zoo.m.leave",
      expect.stringMatching(/^version 2 .*, 3 apps point at it$/),
    ]),
  );
});

describe("a rollout's old version", () => {
  it("is served as its row says, with its own secrets, whatever config and folder say now", () => {
    const zoo = m({ phase: "copy", from: 11, env: { FACTOR: "9" } });
    const { versions } = plan(zoo, registryOf([row(1, { isCurrent: true })], rollout())).get("m") ?? { versions: [] };
    expect(versions.map(({ service, image, serving }) => [service, image, serving.env, serving.secrets])).toEqual([
      ["m-v1", `registry/m@sha256:${contentOf(1)}`, { FACTOR: "1" }, ["token"]],
      ["m-copy", undefined, { FACTOR: "9" }, ["new_token"]],
    ]);
  });

  it("works in the release's state if its row says so", () => {
    const [before] = [row(1).serving].filter((serving) => serving !== undefined);
    const old = row(1, { isCurrent: true, ...(before ? { serving: { ...before, state: true } } : {}) });
    const { versions } = plan(m({ phase: "copy", from: 11 }), registryOf([old], rollout())).get("m") ?? {
      versions: [],
    };
    expect(versions.map(({ serving }) => serving.state)).toEqual([true, undefined]);
  });

  it("is served beside a new one that takes the copy's GPU", () => {
    const two = { pools: { t4: { gpu: { kind: "t4", perNode: 1 }, replicas: 2 } } };
    const copies = [row(1, { isCurrent: true, hash: contentOf(2) }, "t4")];
    const before = row(1, { isCurrent: true }, "t4");
    const toVersion = {
      ...registryOf([before], rollout({ phase: "copy", from: "11", hash: contentOf(2) })),
      versions: new Map([
        ["m", [before]],
        ["m_copy", copies],
      ]),
    };
    const version = plan(m({ phase: "version", from: "11", pool: "t4" }), toVersion, two).get("m");
    expect(version?.versions.map(({ service, takesPlaceOf }) => [service, takesPlaceOf])).toEqual([
      ["m-v2", "m-copy"],
      ["m-v1", undefined],
    ]);
  });

  it("needs its pool, and room beside the new one", () => {
    const zoo = m({ phase: "copy", from: "11", pool: "t4" });
    const registry = registryOf([row(1, { isCurrent: true }, "t4")], rollout());
    expect(() => plan(zoo, registry, t4)).toThrow(
      /^menagerie:pools.t4.replicas: pool t4 needs 2 GPUs at once \(m version 1 1, m_copy 1\) and has 1; raise it/,
    );
    expect(() => plan(m({ phase: "copy", from: 11 }), registry)).toThrow(
      "menagerie:pools.t4: version 1 of m runs there until it is removed; declare the pool until then",
    );
  });
});

describe("pods of the version that a rollout leaves", () => {
  const replicas = { min: 1, max: 6 };
  const scaled = (number: number, change: Partial<RegisteredVersion> = {}, pool = "cpu", pods: object = replicas) => {
    const made = row(number, change, pool);
    return { ...made, ...(made.serving ? { serving: { ...made.serving, replicas: { ...replicas, ...pods } } } : {}) };
  };
  const copied = rollout({ phase: "copy", from: "11", hash: contentOf(2) });
  const entered = (ready: number | undefined, past = copied, phase = "version", pods: object = {}) =>
    plan(
      m({ phase, from: "11" }),
      registryOf([scaled(1, { isCurrent: true }, "cpu", pods), row(2)], past),
      {},
      contentOf(2),
      ready === undefined ? undefined : new Map([["m-v1", ready]]),
    ).get("m");

  it("stay from `version` on as many as they were while it answered everything", () => {
    const found = entered(4);
    expect(found).toMatchObject({ keptPods: 4 });
    expect(found?.versions.map(({ number, keptPods }) => [number, keptPods])).toEqual([
      [2, undefined],
      [1, 4],
    ]);
    // Its row says the same as before, and so do its pods.
    expect(found?.versions[1]).toMatchObject({ changes: false, serving: { replicas } });
    expect(found?.lines).toContain("version 1 keeps 4 pods until the rollout is done");
    for (const phase of ["version", "bake"] as const) {
      const recorded = rollout({ phase, from: "11", hash: contentOf(2), keptPods: 4 });
      expect(entered(1, recorded, phase)).toMatchObject({ keptPods: 4 });
      expect(entered(9, { ...recorded, keptPods: undefined }, phase)).not.toHaveProperty("keptPods");
    }
    const back = entered(4, rollout({ phase: "forward", from: "11", hash: contentOf(2), keptPods: 4 }), "reverted");
    expect(back).not.toHaveProperty("keptPods");
  });

  it("are its usual ones where it had no more, where nobody counted, and where requests make them", () => {
    expect(entered(8)).toMatchObject({ keptPods: 6 });
    for (const found of [
      entered(1),
      entered(undefined),
      entered(4, copied, "version", { min: 0, idleMinutes: 15 }),
      entered(4, copied, "version", { min: 4 }),
    ])
      expect(found).not.toHaveProperty("keptPods");
  });

  it("are counted with those of another rollout on the same pool, until one of the two goes back", () => {
    const other = { ...copied, model: "n", phase: "version" as const };
    const both = (phase: StoredRollout["phase"]): ZooRegistry => ({
      ...emptyRegistry,
      versions: new Map(["m", "n"].map((name) => [name, [row(1, { isCurrent: true }, "t4"), row(2, {}, "t4")]])),
      rollouts: new Map([
        ["m", { ...copied, phase }],
        ["n", other],
      ]),
    });
    const zoo = (phase: string) =>
      Object.fromEntries(
        ["m", "n"].map((name) => [
          name,
          { truss: "models/m", phase: name === "m" ? phase : "version", from: "11", pool: "t4" },
        ]),
      );
    const three = { pools: { t4: { ...t4.pools.t4, replicas: 3 } } };
    expect(() => plan(zoo("version"), both("version"), three)).toThrow(
      /pool t4 needs 4 GPUs at once \(m version 2 1, m version 1 1, n version 2 1, n version 1 1\) and has 3/,
    );
    expect(() => plan(zoo("reverted"), both("version"), three)).not.toThrow();
  });

  it("are counted where a pool is to hold both versions", () => {
    const registry = registryOf([scaled(1, { isCurrent: true }, "t4"), row(2, {}, "t4")], copied);
    const planned = () =>
      plan(m({ phase: "version", from: "11", pool: "t4" }), registry, t4, contentOf(2), new Map([["m-v1", 3]]));
    expect(planned).toThrow(/pool t4 needs 4 GPUs at once \(m version 2 1, m version 1 3\) and has 1/);
  });
});

describe("requests that are divided between both versions", () => {
  const rows = [row(1, { isCurrent: true, apps: 2 }), row(2)];
  const stored = { generation: 4, weight: 10, control: 0, sticky: undefined, isOfRollout: true };
  const recorded = (change: Partial<StoredRollout> = {}) =>
    rollout({ phase: "version", from: "11", hash: contentOf(2), traffic: stored, ...change });
  const planned = (change: object, past = recorded(), takenBack: readonly TakenBack[] = []) =>
    plan(m({ phase: "version", from: "11", ...change }), { ...registryOf(rows, past), takenBack }).get("m");
  const takenBack: TakenBack = {
    id: "1",
    model: "m",
    from: "11",
    hash: contentOf(2),
    action: "revert",
    reason: "errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed",
    cause: "7",
    weight: 50,
    at: new Date("2026-01-30T14:02:59Z"),
    doneAt: new Date("2026-01-30T14:03:00Z"),
    obstacle: null,
  };
  const current = (planned: ReturnType<typeof plan> extends Map<string, infer Plan> ? Plan | undefined : never) =>
    planned?.versions.filter((each) => each.current).map(({ number }) => number);

  it("leave the old version current until the new one answers all", () => {
    expect(current(planned({ traffic: 99 }))).toEqual([1]);
    expect(planned({ traffic: 99 })?.versions.map(({ number }) => number)).toEqual([1, 2]);
    expect(current(planned({ traffic: 100 }))).toEqual([2]);
    expect(current(planned({}))).toEqual([2]);
  });

  it("are planned from the generation that was read, and are due while the database says something else", () => {
    expect(planned({ traffic: 10 })?.traffic).toMatchObject({ weight: 10, expected: 4, old: { number: 1 } });
    expect(planned({ traffic: 10 })?.traffic).not.toHaveProperty("due");
    expect(planned({ traffic: 25 })?.traffic).toMatchObject({ weight: 25, expected: 4, due: true });
    expect(planned({ traffic: 10, by: "cookie" })?.traffic).toMatchObject({ sticky: "cookie", due: true });
    const earlier = recorded({ traffic: { ...stored, isOfRollout: false } });
    expect(planned({ traffic: 10 }, earlier)?.traffic).toMatchObject({ expected: 4, due: true });
    expect(planned({ traffic: 10 }, recorded({ traffic: undefined }))?.traffic).toMatchObject({ expected: undefined });
  });

  it("are divided until the rollout is over once they were, also when the key goes", () => {
    expect(planned({})?.traffic).toMatchObject({ weight: 100, due: true });
    expect(planned({}, recorded({ traffic: undefined }))?.traffic).toBeUndefined();
    expect(planned({ phase: "reverted", traffic: 10 })?.traffic).toBeUndefined();
  });

  it("are divided for a judge, and copied to the old version while the new one answers all", () => {
    const judged = { recording: {}, judge: { control: 8 }, traffic: 10 };
    const entry = (change: object, past = recorded({ traffic: undefined })) =>
      plan(
        m({ from: "11", ...judged, ...change }),
        registryOf([{ ...rows[0], apps: 0 }, rows[1]] as typeof rows, past),
        {
          database: { host: "db" },
          services: { image: `registry/services@sha256:${"0".repeat(64)}` },
        },
      ).get("m");
    expect(entry({ phase: "version" })?.traffic).toMatchObject({ weight: 10, control: 0 });
    expect(entry({ phase: "version", traffic: 100 })?.traffic).toMatchObject({ weight: 100, control: 8 });
    const forwarded = recorded({ phase: "forward", traffic: undefined });
    expect(entry({ phase: "bake", traffic: 100 }, forwarded)?.traffic).toMatchObject({ weight: 100, control: 8 });
    // Apps move by the same generation.
    const divided = recorded({ phase: "forward", traffic: { ...stored, weight: 100 } });
    expect(entry({ phase: "bake", traffic: 100 }, divided)?.migration).toMatchObject({ expected: 4 });
  });

  it("stay as the guard set them, and nothing is due, until what was taken back is resumed", () => {
    const taken = recorded({ traffic: { ...stored, weight: 0, isGuards: true, askedWeight: 50 } });
    const kept = planned({ traffic: 50 }, taken, [takenBack]);
    expect(kept?.lines[0]).toBe(
      "taken back at 2026-01-30 14:02 (errors 12 of 180 against 3 of 1,620); set phase: reverted, or a new content",
    );
    expect(kept?.traffic).toMatchObject({ weight: 0, asked: { weight: 50, control: 0 } });
    expect(kept?.traffic).not.toHaveProperty("due");
    expect(current(kept)).toEqual([1]);
    expect(() => planned({ traffic: 100 }, taken, [takenBack])).toThrow(
      "menagerie:zoo.m.traffic: 100 is refused: taken back at 2026-01-30 14:02",
    );
    expect(() => planned({ phase: "forward" }, taken, [takenBack])).toThrow(
      'menagerie:zoo.m.phase: "forward" is refused: taken back at 2026-01-30 14:02',
    );
    // Resumed, the config holds again.
    expect(planned({ traffic: 50 }, taken)?.traffic).toMatchObject({ weight: 50, due: true });
    expect(kept?.lines).toContain(
      "traffic: version 2 answers 0 % of the requests to the model itself as the guard set it, not 50 % as the config says; apps stay",
    );
  });

  it("are told beside what becomes of apps", () => {
    const told = (change: object, past?: StoredRollout) =>
      planned(change, past)?.lines.filter((line) => line.startsWith("traffic"));
    expect(told({ traffic: 25 })).toEqual([
      "traffic: version 2 answers 25 % of the requests to the model itself (so far 10 %); apps stay",
    ]);
    expect(told({ traffic: 10, by: "cookie" })).toEqual([
      "traffic: version 2 answers 10 % of the requests to the model itself, each client on one side by a cookie; apps stay",
    ]);
  });

  it("stay as they were recorded with the automation off", () => {
    const spec = { modelZooDeploymentAutomationEnabled: false };
    const frozen = plan(m({ phase: "version", from: "11", traffic: 90 }), registryOf(rows, recorded()), spec).get("m");
    expect(frozen?.traffic).toMatchObject({ weight: 10, expected: 4 });
    expect(frozen?.traffic).not.toHaveProperty("due");
  });
});

describe("going back", () => {
  it.each(["reverted", "off"] as const)("by phase %s reads no truss folder, smoke set or pinned content", (phase) => {
    const from = phase === "reverted" ? { from: 11 } : {};
    const zoo = m({ phase, truss: "models/gone", hash: contentOf(7), ...from });
    const registry = registryOf(
      [row(1, { isCurrent: phase === "off" }), row(2, { isCurrent: phase !== "off", apps: phase === "off" ? 0 : 3 })],
      phase === "reverted" ? rollout({ phase: "forward", from: "11", hash: contentOf(2) }) : rollout(),
    );
    const spec = parseEnvironment({ zoo }, { gatewayUrl: "http://gateway" });
    expect(readFromFolders(spec, { registry } as PlatformPlan)).toEqual({});
    expect(concernedByContent(spec)).toEqual({});
    const planned = plan(zoo, registry).get("m");
    expect(planned?.versions.map(({ service }) => service)).toEqual(phase === "off" ? [] : ["m-v1", "m-v2"]);
    expect(planned?.hash).toBe(phase === "off" ? contentOf(1) : contentOf(2));
  });
});

describe("a pinned content", () => {
  const registry = registryOf([row(1), row(2, { isCurrent: true })], rollout({ hash: contentOf(2) }));

  it("comes from its version's image, and the folder is not read", () => {
    const spec = parseEnvironment({ zoo: m({ hash: contentOf(1) }) }, { gatewayUrl: "http://gateway" });
    expect(readFromFolders(spec, { registry } as PlatformPlan)).toEqual({});
    const { target } = plan(m({ hash: contentOf(1) }), registry).get("m") ?? {};
    expect(target).toMatchObject({
      number: 1,
      image: `registry/m@sha256:${contentOf(1)}`,
      current: true,
      replaces: { number: 2 },
    });
    expect(target?.serving.secrets).toEqual(["token"]);
  });

  it("of no version has to be the folder's", () => {
    expect(plan(m({ hash: contentOf(3) }), registry, {}, contentOf(3)).get("m")?.target).toMatchObject({
      number: 3,
      image: undefined,
    });
    expect(() => plan(m({ hash: contentOf(3) }), registry)).toThrow(
      "menagerie:zoo.m.hash: no version of m has the content 333333333333, and models/m has 222222222222; check out the folder that has it, or correct the key",
    );
  });
});

describe("with the automation off", () => {
  const off = { modelZooDeploymentAutomationEnabled: "false" };

  it("everything is declared as it was recorded, whatever the config says", () => {
    const registry = registryOf([row(1, { isCurrent: true })], rollout());
    const { versions, lines } =
      plan(m({ phase: "copy", from: 11, env: { FACTOR: "9" } }), registry, off).get("m") ?? {};
    expect(versions?.map(({ service, hash: content, serving }) => [service, content, serving.env])).toEqual([
      ["m-v1", contentOf(1), { FACTOR: "1" }],
    ]);
    expect(lines?.[0]).toBe("the automation is off: nothing new is deployed, nothing is removed");
  });

  it("a model that was taken out of the config stays, and one that is new does not come", () => {
    const registry = registryOf([row(1, { isCurrent: true, apps: 2 })], rollout());
    const zoo = { other: { truss: "models/m", phase: "done" } };
    const plans = plan(zoo, registry, off);
    expect(plans.get("m")?.versions.map(({ service }) => service)).toEqual(["m-v1"]);
    expect(plans.get("other")?.versions).toEqual([]);
  });
});

describe("a model that is not in the config any more", () => {
  it("is removed, unless apps point at it or its rollout is under way", () => {
    expect(plan({}, registryOf([row(1, { isCurrent: true })], rollout())).size).toBe(0);
    expect(() => plan({}, registryOf([row(1, { isCurrent: true, apps: 1 })], rollout()))).toThrow(
      "menagerie:zoo.m: is not in the config any more, and 1 app points at it; put it back while they do",
    );
    const renamed = { rose: { truss: "models/m", phase: "done" as const } };
    expect(() => plan(renamed, registryOf([row(1, { isCurrent: true, apps: 2 })], rollout()))).toThrow(
      '2 apps point at it, and "rose" with the same content is a new model; keep m while apps point at it',
    );
    const forward = rollout({ phase: "forward", from: "11", hash: contentOf(2) });
    expect(() => plan({}, registryOf([row(1), row(2, { isCurrent: true })], forward))).toThrow(
      /its rollout is in phase forward/,
    );
  });
});

describe("a stack without a database", () => {
  it("serves models without versions, and has no rollouts", () => {
    expect(
      plan(m({}), undefined)
        .get("m")
        ?.versions.map(({ service }) => service),
    ).toEqual(["m"]);
    expect(() => plan(m({ phase: "copy", from: 11 }), undefined)).toThrow(/a rollout needs the stack's database/);
  });
});

describe("a judge", () => {
  const local = { nodeClass: "local", database: { host: "db" } };
  const underWay = registryOf(
    [row(1), row(2, { isCurrent: true })],
    rollout({ phase: "version", from: "11", hash: contentOf(2) }),
  );
  const judged = (change: object, config: object = local) =>
    plan(m({ phase: "version", from: 11, traffic: 1, ...change }), underWay, config).get("m");

  it("has the defaults, and is told while both versions answer", () => {
    const found = judged({ recording: {}, judge: {} });
    expect(found?.judge).toEqual({
      risk: 0.01,
      maxErrorIncrease: 0.01,
      maxMismatch: 0.02,
      minRequests: 100,
      control: 5,
      limits: [],
      action: "revert",
      recorded: true,
      recordedIn: "recorded_m",
    });
    expect(found?.lines).toContain(
      "judged: at most 1 point more errors, 2 % other answers; the new version is taken back when it is bad",
    );
    const before = registryOf([row(1, { isCurrent: true })], rollout());
    const copy = plan(m({ phase: "copy", from: 11, recording: {}, judge: {} }), before, local).get("m");
    expect(copy?.lines.join()).not.toContain("judged");
  });

  it("takes durations from recorders where every request is recorded and drawn by itself, without those of a pod's first seconds", () => {
    const timed = (judge: object, change: object = {}) =>
      judged({ recording: {}, judge: { maxLatencyRatio: { p50: 2 }, ...judge }, ...change })?.judge;
    expect(timed({})).toMatchObject({ recorded: true, warmupSeconds: 30 });
    expect(timed({ warmupSeconds: 0 })).toMatchObject({ recorded: true, warmupSeconds: 0 });
    for (const change of [{ recording: { sample: 50 } }, { by: "cookie" }])
      expect(Object.keys(timed({}, change) ?? {})).not.toContain("recorded");
  });

  it("without a control needs no recording, and judges the fixed limit alone", () => {
    const found = judged({ judge: { control: 0, maxErrors: 0.05, action: "tell" } });
    expect(found?.judge).toMatchObject({ control: 0, maxErrors: 0.05, action: "tell" });
    expect(Object.keys(found?.judge ?? {})).not.toContain("maxMismatch");
    expect(found?.lines).toContain(
      "judged: at most 5 % errors, without a control; the new version raises an alert when it is bad",
    );
  });

  it("compares by its own rules, else by those of the rollout's shadow deployment", () => {
    const shadows = {
      next: {
        primary: { truss: "models/m" },
        shadows: { a: { truss: "models/m" } },
        gate: {},
        compare: { ignore: ["id"] },
      },
    };
    const rulesOf = (judge: object) =>
      judged({ recording: {}, judge, shadow: { deployment: "next" } }, { ...local, shadows })?.judge?.compare;
    expect(rulesOf({})).toEqual({ ignore: ["id"] });
    expect(rulesOf({ compare: { ignore: ["took_ms"] } })).toEqual({ ignore: ["took_ms"] });
  });
});

describe("recording", () => {
  const local = { nodeClass: "local" };
  const recording = { sample: 25, retentionDays: 7 };
  const underWay = registryOf(
    [row(1), row(2, { isCurrent: true })],
    rollout({ phase: "forward", from: "11", hash: contentOf(2) }),
  );
  const recordedIn = (zoo: object, registry: ZooRegistry, config: object = local) =>
    plan(zoo, registry, config)
      .get("m")
      ?.versions.map(({ service, recording: own }) => [service, own?.sample]);

  it("is of every version that is served, whatever its row says, so that both are recorded in a bake", () => {
    expect(recordedIn(m({ phase: "bake", from: 11, recording }), underWay)).toEqual([
      ["m-v2", 25],
      ["m-v1", 25],
    ]);
  });

  it("is of a copy that gets copies of requests", () => {
    const before = registryOf([row(1, { isCurrent: true })], rollout());
    const zoo = m({ phase: "copy", from: 11, recording, mirror: 10 });
    expect(recordedIn(zoo, before)).toEqual([
      ["m-v1", 25],
      ["m-copy", 25],
    ]);
    expect(plan(zoo, before, local).get("m")?.lines.join("\n")).toContain("m_copy is recorded: 25 % of the requests");
  });

  it("is not of a copy, whose requests are trials", () => {
    const before = registryOf([row(1, { isCurrent: true })], rollout());
    expect(recordedIn(m({ phase: "copy", from: 11, recording }), before)).toEqual([
      ["m-v1", 25],
      ["m-copy", undefined],
    ]);
  });

  it("keeps what there is while it is paused, and while the model is off", () => {
    const at = (change: object) => plan(m(change), underWay, local).get("m");
    const paused = at({ phase: "bake", from: 11, recording: { ...recording, paused: true } });
    expect(paused?.recording).toMatchObject({ paused: true, retentionDays: 7 });
    expect(paused?.versions.map((each) => each.recording)).toEqual([undefined, undefined]);
    expect(paused?.lines.at(-1)).toBe("recording is paused: what was recorded is kept 7 days");
    const off = plan(m({ phase: "off", recording }), registryOf([row(1)], rollout()), local).get("m");
    expect([off?.versions, off?.recording]).toMatchObject([[], { retentionDays: 7 }]);
  });

  it("is told with what it costs, and its end too", () => {
    const lines = (change: object, registry: ZooRegistry) =>
      plan(m(change), registry, local, contentOf(1)).get("m")?.lines;
    const plain = registryOf([row(1, { isCurrent: true })], rollout());
    expect(lines({ recording: {} }, plain)).toContain(
      "version 1 is recorded: every request, kept 30 days; 1 more pod, 250m CPU",
    );
    const bodiless = { bodies: false, sample: 12.5, retentionDays: 1, redact: [{ kind: "email" }] };
    expect(lines({ recording: bodiless, replicas: { min: 3 } }, plain)).toContain(
      "version 1 is recorded: 12.5 % of the requests, without bodies, redacted by 1 rule, kept 1 day; 3 more pods, 250m CPU each",
    );
    const [version] = plain.versions.get("m") ?? [];
    const serving = version?.serving && {
      ...version.serving,
      recording: { sample: 100, bodies: true, retentionDays: 30, redact: [] },
    };
    const recorded = registryOf([row(1, { isCurrent: true, serving })], rollout());
    expect(lines({}, recorded)).toContain("version 1 is not recorded any more");
    // Where the recorder is does not change how the version is served.
    const changes = (registry: ZooRegistry) => plan(m({}), registry, local, contentOf(1)).get("m")?.target?.changes;
    expect(changes(recorded)).toBe(changes(plain));
    expect(lines({}, plain)?.join()).not.toContain("recorded");
  });

  it("stays as the rows have it of a model that only the database knows, with the automation off", () => {
    const settings = { sample: 50, bodies: true, retentionDays: 30, redact: [] };
    const serving = row(1).serving && { ...row(1).serving, recording: settings };
    const registry = registryOf([row(1, { isCurrent: true, serving } as Partial<RegisteredVersion>)], rollout());
    expect(recordedIn({}, registry, { ...local, modelZooDeploymentAutomationEnabled: false })).toEqual([["m-v1", 50]]);
  });

  it("needs the stack's database", () => {
    expect(() => plan(m({ recording }), undefined, local)).toThrow(
      /menagerie:zoo\.m\.recording: predictions are kept in the platform's database/,
    );
  });
});

describe("a model's own paths", () => {
  const withPaths = (number: number, paths: string[], change: Partial<RegisteredVersion> = {}) => {
    const { serving } = row(number);
    return row(number, { ...change, serving: serving && { ...serving, paths } });
  };
  const smoke: SmokeCase[] = [{ input: {}, output: {}, tolerance: 0 }];
  const passed: StoredEvidence = {
    id: "1",
    model: "m",
    hash: contentOf(2),
    kind: "smoke",
    suite: suiteOf(smoke),
    passed: true,
    evidence: {},
    evidenceHash: digestOf({}),
    at: new Date(0),
  };
  const at = (phase: string, paths: string[], old: string[] = ["/generate", "/api/"]) => {
    const versions = [withPaths(1, old, { apps: 2 }), withPaths(2, ["/stale"], { isCurrent: true, apps: 1 })];
    const underWay = registryOf(versions, rollout({ phase: "forward", from: "11", hash: contentOf(2) }));
    const spec = parseEnvironment({ zoo: m({ phase, from: 11, paths }) }, { gatewayUrl: "http://gateway" });
    const platform = { basis: "read", registry: { ...underWay, evidence: [passed] } as ZooRegistry };
    return planZoo(spec, {
      platform: platform as PlatformPlan,
      hashes: new Map([["models/m", contentOf(2)]]),
      secretsOf: () => [],
      smoke: new Map([["m", smoke]]),
    }).get("m");
  };

  it("are each version's: the old one keeps those of its row, the new one has those of the config", () => {
    const planned = at("forward", ["/api/", "/other"]);
    expect(planned?.versions.map(({ number, paths }) => [number, paths])).toEqual([
      [2, ["/api/", "/other"]],
      [1, ["/generate", "/api/"]],
    ]);
    // Another path makes no new pods.
    expect(planned?.target?.changes).toBe(at("forward", ["/stale"])?.target?.changes);
  });

  it("that apps lose or get when they move are told in the preview", () => {
    expect(at("forward", ["/api/", "/other"])?.lines).toEqual(
      expect.arrayContaining([
        "apps that move to version 2 lose /generate, which version 2 does not answer",
        "apps that move to version 2 get /other, which version 1 does not answer",
      ]),
    );
    const moved = (phase: string, paths: string[], old?: string[]) =>
      at(phase, paths, old)?.lines.filter((line) => line.startsWith("apps that move"));
    expect(moved("forward", ["/api/", "/generate"])).toEqual([]);
    // Below a path that the other version has.
    expect(moved("forward", ["/api/"], ["/api/images"])).toEqual([
      "apps that move to version 2 get /api/, which version 1 does not answer",
    ]);
    expect(moved("reverted", ["/other"])).toEqual([
      "apps that move to version 1 lose /stale, which version 1 does not answer",
      "apps that move to version 1 get /generate, /api/, which version 2 does not answer",
    ]);
  });
});

describe("a rollout's standing", () => {
  it("names the next edit, what is in its way, and the way back", () => {
    const registry = registryOf(
      [row(1), row(2, { isCurrent: true })],
      rollout({ phase: "version", from: "11", hash: contentOf(2) }),
    );
    const [standing] = standings(registry);
    expect(standing).toMatchObject({
      next: { set: ["phase: forward"], refused: expect.stringMatching(/needs evidence that smoke passed/) },
      revert: { set: "phase: reverted", command: "menagerie rollout revert --id 12" },
      from: { number: 1 },
      to: { number: 2 },
    });
  });

  it.each([
    [1, "traffic: 10"],
    [25, "traffic: 50"],
    [100, "phase: forward"],
  ])("of a rollout that answers %s %% of the requests is `%s`", (weight, edit) => {
    const traffic = { weight, control: 0, sticky: undefined, generation: 3, isOfRollout: true };
    const [standing] = standings(
      registryOf(
        [row(1), row(2, { isCurrent: true })],
        rollout({ phase: "version", from: "11", hash: contentOf(2), traffic }),
      ),
    );
    expect(standing?.next.set).toEqual([edit]);
  });

  it("of a model that is done is the beginning of the next one", () => {
    const [standing] = standings(registryOf([row(1, { isCurrent: true })], rollout()));
    expect(standing?.next.set).toEqual(["phase: copy", 'from: "11"']);
    expect(standing?.revert).toBeNull();
  });
});

describe("models that sleep on a pool with one GPU", () => {
  const sleepy = { min: 0, max: 1, idleMinutes: 15 };
  const config = { pool: "t4", replicas: sleepy, resources: { cpu: "1", memory: "1Gi" }, env: { FACTOR: "2" } };
  const asleep = (number: number, change: Partial<RegisteredVersion> = {}): RegisteredVersion => {
    const made = row(number, change, "t4");
    return { ...made, ...(made.serving ? { serving: { ...made.serving, replicas: sleepy } } : {}) };
  };
  const two = (change: object) => ({
    ...m({ ...config, ...change }),
    other: { truss: "models/m", phase: "done", pool: "t4", resources: { cpu: "1", memory: "1Gi" } },
  });

  it("keep no GPU, so that another model has it", () => {
    const served = registryOf([asleep(2, { isCurrent: true })], rollout({ hash: contentOf(2) }));
    const secrets = ["new_token"];
    const [own] = served.versions.get("m") ?? [];
    const known = own?.serving ? { ...own, serving: { ...own.serving, secrets } } : own;
    const registry = { ...served, versions: new Map([["m", known ? [known] : []]]) };
    expect(() => plan(two({}), registry, t4)).not.toThrow();
    // One that was never served has to start once.
    expect(() => plan(two({}), registryOf([], undefined), t4)).toThrow(/pool t4 needs 2 GPUs at once/);
  });

  it.each(["version", "bake"] as const)("keep one for each version of a rollout in phase %s", (phase) => {
    const versions = [asleep(1), asleep(2, { isCurrent: true })];
    const registry = registryOf(versions, rollout({ phase, from: "11", hash: contentOf(2) }));
    expect(() => plan(m({ ...config, from: "11", phase }), registry, t4)).toThrow(
      /pool t4 needs 2 GPUs at once \(m version 2 1, m version 1 1\) and has 1/,
    );
  });

  it("and one that the same `up` removes has its GPU until the end", () => {
    const { other } = two({}) as { other: object };
    const awake = registryOf([row(2, { isCurrent: true }, "t4")], rollout({ hash: contentOf(2) }));
    const both = /pool t4 needs 2 GPUs at once \(other version 1 1, m version 2, which is removed last, 1\) and has 1/;
    expect(() => plan({ other }, awake, t4)).toThrow(both);
    expect(() => plan({ other, ...m({ ...config, phase: "off" }) }, awake, t4)).toThrow(both);
    const asleepNow = registryOf([asleep(2, { isCurrent: true })], rollout({ hash: contentOf(2) }));
    expect(() => plan({ other }, asleepNow, t4)).not.toThrow();
    expect(() => plan({ other: { ...other, pool: "cpu" } }, awake, t4)).not.toThrow();
  });

  it("need a database, which brings the API service that wakes them", () => {
    expect(() => plan(m({ replicas: { min: 0 } }), undefined, { nodeClass: "local" })).toThrow(
      "menagerie:zoo.m.replicas.min: 0 needs the API service, which wakes the model; set menagerie:database, with which the stack has the service, or use at least 1",
    );
  });
});
