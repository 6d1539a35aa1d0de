import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import type { Phase } from "../../../src/domain/zoo/phases.ts";
import type { RegisteredVersion } from "../../../src/domain/zoo/plan.ts";
import { emptyRegistry, type ZooRegistry } from "../../../src/domain/zoo/registry.ts";
import { digestOf, suiteOf } from "../../../src/domain/zoo/smoke.ts";
import { irisServing } from "../../support/irisServing.ts";
import { playEngine } from "../../support/playedEngine.ts";
import { type GraphSources, graphOf } from "../../support/stackGraph.ts";

/**
 * What an `up` declares of one model with a past, as committed in test/golden/models: in each phase of a rollout, after a release was
 * restored, and for a patch. Made anew by `UPDATE_GOLDENS=1 npx vitest run test/unit/components`.
 */

const folder = join(import.meta.dirname, "../../golden/models");
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

const without = { zoo: {}, development: {} };
let rest: Awaited<ReturnType<typeof graphOf>>;

beforeAll(async () => {
  await playEngine();
  rest = await graphOf("local", { config: without });
});

/** Only what the model has, beside the same stack without it. */
async function declaredOf(model: object, sources: GraphSources) {
  const graph = await graphOf("local", { ...sources, config: { ...without, ...model } });
  const beyond = (some: Record<string, unknown>, other: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(some).filter(([key, value]) => !same(value, other[key])));
  return { resources: beyond(graph.resources, rest.resources), options: beyond(graph.options, rest.options) };
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

function expectGolden(name: string, declared: object): void {
  const file = join(folder, `${name}.json`);
  const text = `${JSON.stringify(declared, null, 2)}\n`;
  if (process.env.UPDATE_GOLDENS) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
  }
  expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(file, "utf8")));
}

it.each<[string, object, ZooRegistry]>([
  ["copy", { phase: "copy" }, pastOf("done", [old(3, true)], undefined)],
  ["version", { phase: "version" }, pastOf("copy", [old(3, true)])],
  ["forward", { phase: "forward", share: 25 }, pastOf("version", [old(3), fresh(1)])],
  ["bake", { phase: "bake" }, pastOf("forward", [old(0), fresh(4)])],
  ["done", { phase: "done" }, pastOf("bake", [old(0), fresh(4)])],
  ["reverted", { phase: "reverted" }, pastOf("forward", [old(1), fresh(3)])],
])("a rollout in phase %s", async (phase, entry, registry) => {
  const iris = { truss: "models/iris", from: "11", resources: { cpu: "1", memory: "1Gi" }, ...entry };
  expectGolden(phase, await declaredOf({ zoo: { iris } }, { registry, smoke: new Map([["iris", cases]]) }));
});

it("a release that was restored serves what its row says and builds nothing", async () => {
  const rows = [version(1, pinned), version(2, after, { isCurrent: true, apps: 4 })];
  const iris = { truss: "models/iris", phase: "done", hash: pinned };
  const declared = await declaredOf({ zoo: { iris } }, { registry: pastOf("done", rows, undefined) });
  expectGolden("restored", declared);
  expect(Object.keys(declared.resources).filter((key) => key.includes(":TrussImage "))).toEqual([]);
});

it("an `up` after the first finds the same inputs of components in the state: nothing changes", async () => {
  const model = { zoo: { iris: { truss: "models/iris", phase: "done" } } };
  const componentsOf = async (sources: GraphSources) =>
    Object.entries((await declaredOf(model, sources)).resources).filter(([key]) => key.startsWith("menagerie:"));
  const past = pastOf("done", [version(1, after, { isCurrent: true, apps: 2 })], undefined);
  const rollouts = new Map([...past.rollouts].map(([name, each]) => [name, { ...each, hash: after }]));
  const found = await componentsOf({ registry: { ...past, rollouts } });
  expect(found.length).toBeGreaterThan(3);
  expect(found).toEqual(await componentsOf({}));
});

it("a patch changes the sync alone: image and service are those of the last full deployment", async () => {
  const [baseHash, headHash, nextHash] = ["<hash of the image>", "<hash of the head>", "<hash of models/greeter>"];
  const plannedAs = (plan: object) => ({
    development: new Map([
      [
        "greeter",
        {
          plan: plan as never,
          number: 1,
          versionId: "21",
          deployed: { baseHash, headHash, seq: 1 },
          declaredBefore: headHash,
        },
      ],
    ]),
  });
  const model = { development: { greeter: { truss: "models/greeter", resources: { cpu: "250m", memory: "256Mi" } } } };
  const patches = [{ type: "model_code", body: { action: "UPDATE", path: "model.py", content: "" } }];
  const patch = { kind: "patch", prevHash: headHash, nextHash, patches, takesOver: false };
  const declared = await declaredOf(model, plannedAs(patch));
  expectGolden("patch", declared);
  const kept = await declaredOf(model, plannedAs({ kind: "keep", headHash, ahead: false, seq: 1 }));
  expect(declared).toEqual(kept);
});
