import type { Phase } from "../../src/domain/zoo/phases.ts";
import type { RegisteredVersion } from "../../src/domain/zoo/plan.ts";
import { emptyRegistry, type ZooRegistry } from "../../src/domain/zoo/registry.ts";
import { digestOf, suiteOf } from "../../src/domain/zoo/smoke.ts";
import { given } from "../../src/environment/given.ts";
import { irisServing } from "./irisServing.ts";
import type { GraphSources } from "./stackGraph.ts";

/** A model with a past: in each phase of a rollout, after a release was restored, and for a patch. */

const [before, after] = ["<hash of the version before>", "<hash of models/iris>"];
const pinned = "1".repeat(64);
const cases = [{ input: { inputs: [[5.1, 3.5, 1.4, 0.2]] }, output: { predictions: [0] }, tolerance: 0 }];

function version(number: number, hash: string, change: Partial<RegisteredVersion> = {}): RegisteredVersion {
  return {
    id: `1${number}`,
    number,
    hash,
    isCurrent: false,
    apps: 0,
    image: `registry/iris@sha256:${String(number).repeat(64)}`,
    serving: { ...irisServing, service: `iris-v${number}-0f0f0f0f` },
    ...change,
  };
}

const evidence = { results: [] };
const passed = { id: "1", model: "iris", hash: after, kind: "smoke", suite: suiteOf(cases), passed: true };

/** The database between two `up`s of a rollout from version 1. */
function pastOf(recorded: Phase, versions: RegisteredVersion[], from: string | undefined = "11"): ZooRegistry {
  const hash = from === undefined ? before : after;
  const since = new Date(0);
  return {
    ...emptyRegistry,
    versions: new Map([["iris", versions]]),
    rollouts: new Map([["iris", { model: "iris", phase: recorded, from, hash, since, bakeSecondsLeft: 0 }]]),
    evidence: [{ ...passed, evidence, evidenceHash: digestOf(evidence), at: new Date(0) }],
  };
}

const old = (apps: number, isCurrent = false) => version(1, before, { apps, isCurrent });
const fresh = (apps: number) => version(2, after, { apps, isCurrent: true });

/** A rollout whose new version answered 10 % of the requests so far. */
function dividedPast(): ZooRegistry {
  const past = pastOf("version", [old(3, true), version(2, after)]);
  const traffic = { generation: 4, weight: 10, control: 0, sticky: undefined, isOfRollout: true };
  return { ...past, rollouts: new Map([...past.rollouts].map(([name, each]) => [name, { ...each, traffic }])) };
}

/** A stack's model, and what the environment's past says of it. */
export interface ModelCase {
  readonly model: object;
  readonly sources: GraphSources;
}

const resources = { cpu: "1", memory: "1Gi" };
const rollouts: readonly (readonly [string, object, ZooRegistry])[] = [
  ["off", { phase: "off" }, pastOf("copy", [old(3, true)])],
  ["copy", { phase: "copy" }, pastOf("done", [old(3, true)], undefined)],
  ["version", { phase: "version" }, pastOf("copy", [old(3, true)])],
  ["forward", { phase: "forward", share: 25 }, pastOf("version", [old(3), fresh(1)])],
  ["bake", { phase: "bake" }, pastOf("forward", [old(0), fresh(4)])],
  ["done", { phase: "done" }, pastOf("bake", [old(0), fresh(4)])],
  ["reverted", { phase: "reverted" }, pastOf("forward", [old(1), fresh(3)])],
];

/** A rollout of iris from version 1, in each phase. */
export const rolloutCases: ReadonlyMap<string, ModelCase> = new Map(
  rollouts.map(([phase, entry, registry]) => [
    phase,
    {
      model: { zoo: { iris: { truss: "models/iris", from: "11", resources, ...entry } } },
      sources: { registry, smoke: new Map([["iris", cases]]) },
    },
  ]),
);

/** A rollout whose new version is to answer a quarter of the requests, with `more` in its entry. */
export const dividedBy = (by: string | undefined, more: object = {}): ModelCase => ({
  model: {
    zoo: {
      iris: given({ truss: "models/iris", from: "11", resources, phase: "version", traffic: 25, by, ...more }),
    },
  },
  sources: { registry: dividedPast(), smoke: new Map([["iris", cases]]) },
});

export const dividedCase: ModelCase = dividedBy("cookie");

/** A rollout that moved apps of a quarter of the organizations, and that the guard took back. */
export const takenBackCase: ModelCase = {
  model: { zoo: { iris: { truss: "models/iris", from: "11", resources, phase: "forward", traffic: 50, share: 25 } } },
  sources: { registry: takenBackPast(), smoke: new Map([["iris", cases]]) },
};

function takenBackPast(): ZooRegistry {
  const past = pastOf("forward", [old(3, true), version(2, after, { apps: 1 })]);
  const traffic = {
    generation: 5,
    weight: 0,
    control: 0,
    sticky: undefined,
    isOfRollout: true,
    isGuards: true as const,
  };
  const at = new Date("2026-01-30T14:02:59Z");
  const reason = "errors 12 of 180 against 3 of 1,620";
  const rollout = { model: "iris", from: "11", hash: after };
  return {
    ...past,
    rollouts: new Map([...past.rollouts].map(([name, each]) => [name, { ...each, traffic }])),
    takenBack: [
      { ...rollout, id: "1", action: "revert", reason, cause: "7", weight: 50, at, doneAt: at, obstacle: null },
    ],
  };
}

/** A release that was restored: version 1 is declared by its hash, and version 2 is current in the database. */
export const restoredCase: ModelCase = {
  model: { zoo: { iris: { truss: "models/iris", phase: "done", hash: pinned } } },
  sources: {
    registry: pastOf("done", [version(1, pinned), version(2, after, { isCurrent: true, apps: 4 })], undefined),
  },
};

/** A zoo model whose only version is what its folder holds. */
export const unchangedCase: ModelCase = {
  model: { zoo: { iris: { truss: "models/iris", phase: "done" } } },
  sources: { registry: unchanged() },
};

function unchanged(): ZooRegistry {
  const past = pastOf("done", [version(1, after, { isCurrent: true, apps: 2 })], undefined);
  return { ...past, rollouts: new Map([...past.rollouts].map(([name, each]) => [name, { ...each, hash: after }])) };
}

const [baseHash, headHash, nextHash] = ["<hash of the image>", "<hash of the head>", "<hash of models/greeter>"];
const patches = [{ type: "model_code", body: { action: "UPDATE", path: "model.py", content: "" } }];

/** A development version of which a patch was stored already, and what the `up` plans of it. */
function developmentCase(plan: object): ModelCase {
  const deployed = { baseHash, headHash, seq: 1 };
  const planned = { plan: plan as never, number: 1, versionId: "21", deployed, declaredBefore: headHash };
  return {
    model: { development: { greeter: { truss: "models/greeter", resources: { cpu: "250m", memory: "256Mi" } } } },
    sources: { development: new Map([["greeter", planned]]) },
  };
}

export const patchCase = developmentCase({ kind: "patch", prevHash: headHash, nextHash, patches, takesOver: false });
export const keptCase = developmentCase({ kind: "keep", headHash, ahead: false, seq: 1 });

/** The `local` stack without any model, beside which a case's own resources are shown. */
export const withoutModels = { zoo: {}, development: {} };

/** The `local` stack with a case's model alone. */
export function sourcesOf({ model, sources }: ModelCase): GraphSources {
  return { ...sources, config: { ...withoutModels, ...model } };
}
