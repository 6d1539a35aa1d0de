import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import {
  dividedBy,
  dividedCase,
  keptCase,
  type ModelCase,
  patchCase,
  restoredCase,
  rolloutCases,
  sourcesOf,
  takenBackCase,
  unchangedCase,
  withoutModels,
} from "../../support/modelCases.ts";
import { playEngine } from "../../support/playedEngine.ts";
import { lostFrom } from "../../support/releasedStacks.ts";
import { graphAndNames } from "../../support/stackGraph.ts";

/**
 * What an `up` declares of one model with a past, as committed in test/golden/models: in each phase of a rollout, after a release was
 * restored, and for a patch. Made anew by `UPDATE_GOLDENS=1 npx vitest run test/unit/components`.
 */

const folder = join(import.meta.dirname, "../../golden/models");
let rest: Awaited<ReturnType<typeof graphAndNames>>;

beforeAll(async () => {
  await playEngine();
  rest = await graphAndNames("local", { config: withoutModels });
});

/** Only what the model has, beside the same stack without it. */
async function declaredOf(modelCase: ModelCase) {
  const others = new Set(rest.names.map(({ urn }) => urn));
  const { graph, names } = await graphAndNames("local", sourcesOf(modelCase));
  const beyond = (some: Record<string, unknown>, other: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(some).filter(([key, value]) => !same(value, other[key])));
  return {
    resources: beyond(graph.resources, rest.graph.resources),
    options: beyond(graph.options, rest.graph.options),
    names: names.filter(({ urn }) => !others.has(urn)),
  };
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

function expectGolden(name: string, { names, ...declared }: Awaited<ReturnType<typeof declaredOf>>): void {
  expect(lostFrom(name, names)).toEqual([]);
  const file = join(folder, `${name}.json`);
  const text = `${JSON.stringify(declared, null, 2)}\n`;
  if (process.env.UPDATE_GOLDENS) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
  }
  expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(file, "utf8")));
}

it.each([...rolloutCases])("a rollout in phase %s", async (phase, modelCase) => {
  expectGolden(phase, await declaredOf(modelCase));
});

it("a route whose requests are divided leads to an object that comes before it", async () => {
  const { resources, options } = await declaredOf(dividedCase);
  const one = (ending: string) => Object.entries(resources).filter(([key]) => key.includes(ending));
  const [[, traffic] = []] = one(":RolloutTraffic ");
  expect(traffic).toMatchObject({
    object: "VirtualService models/iris-traffic",
    weight: 25,
    control: 0,
    sticky: "cookie",
    expected: 4,
    due: true,
  });
  expect(traffic).toMatchObject({
    route: { old: { service: "iris-v1", mode: "Standard" }, new: { service: "iris-v2" } },
  });
  const [[key = "", route] = []] = one(":VirtualService iris");
  expect(route).toMatchObject({ spec: { http: [{ delegate: { name: "iris-traffic" } }, {}, {}] } });
  expect(JSON.stringify((options as Record<string, unknown>)[key])).toContain("RolloutTraffic");
  const current = one(":ModelVersion ").map(([, inputs]) => (inputs as { current: boolean }).current);
  expect(current).toEqual([true, false]);
});

it("the stack's output has the share of requests beside that of apps, and what the guard did about it", async () => {
  const outputOf = async ({ model, sources }: ModelCase) => {
    const { graph } = await graphAndNames("local", sourcesOf({ model, sources }));
    return (graph.outputs as { rollouts: { iris: object } }).rollouts.iris;
  };
  const divided = await outputOf(dividedCase);
  expect(divided).toMatchObject({ phase: "version", traffic: { weight: 25, control: 0, sticky: "cookie" }, share: 0 });
  expect(divided).not.toHaveProperty("takenBack");
  expect(await outputOf(takenBackCase)).toMatchObject({
    phase: "forward",
    traffic: { weight: 0, control: 0 },
    share: 25,
    takenBack: {
      action: "revert",
      at: "2026-01-30T14:02:59.000Z",
      reason: "errors 12 of 180 against 3 of 1,620",
      verdict: "7",
    },
  });
});

it("a version that may sleep is woken by copies too, from the release on that declares a port for them", async () => {
  const { resources } = await declaredOf(dividedBy("cookie", { replicas: { min: 0 } }));
  const one = (ending: string) => Object.entries(resources).find(([key]) => key.includes(ending))?.[1];
  expect(one(":RolloutTraffic ")).toMatchObject({
    route: { new: { sleeps: { servicesNamespace: "menagerie" }, copiesPort: 81 } },
  });
  expect(one(":RolloutTraffic ")).not.toHaveProperty("route.old.copiesPort");
  expect(one(":Service iris-v2-activator")).toMatchObject({ spec: { ports: [{ port: 80 }, { port: 81 }] } });
});

it("a gateway that draws by a header learns to before the object asks for it", async () => {
  const { resources, options } = await declaredOf(dividedBy("X-User"));
  const one = (ending: string) => Object.entries(resources).find(([key]) => key.includes(ending)) ?? [];
  const [key = "", traffic] = one(":RolloutTraffic ");
  expect(traffic).toMatchObject({ sticky: "header:x-user" });
  const [filter = "", manifest] = one(":EnvoyFilter iris-by-header");
  expect(JSON.stringify(manifest)).toContain('"header_name":"x-user"');
  expect(JSON.stringify((options as Record<string, unknown>)[key])).toContain(filter.split(" ").at(-1));
});

it.each([
  { recording: {}, tells: true },
  { recording: { sample: 50 }, tells: undefined },
  { recording: { paused: true }, tells: undefined },
])("users by a header have a draw of their own where all their requests are recorded: $recording", async (each) => {
  const { recording, tells } = each;
  const { resources } = await declaredOf(dividedBy("x-user", { recording }));
  const one = (ending: string) => Object.entries(resources).find(([key]) => key.includes(ending))?.[1];
  expect((one(":RolloutTraffic ") as { route: { tellsUsers?: true } }).route.tellsUsers).toBe(tells);
  expect(JSON.stringify(one(":EnvoyFilter iris-by-header")).includes("/users/")).toBe(tells ?? false);
});

it.each([
  { change: { judge: {} }, tells: true },
  { change: { judge: {}, recording: { sample: 50 } }, tells: undefined },
  { change: { judge: {}, by: "cookie" }, tells: undefined },
  { change: {}, tells: undefined },
])(
  "recorders are told which requests were drawn one by one where a judge goes by all of them: $change",
  async (each) => {
    const { resources } = await declaredOf(dividedBy(undefined, { recording: {}, ...each.change }));
    const traffic = Object.entries(resources).find(([key]) => key.includes(":RolloutTraffic "))?.[1];
    expect((traffic as { route: { tellsDraws?: true } }).route.tellsDraws).toBe(each.tells);
  },
);

it("a release that was restored serves what its row says and builds nothing", async () => {
  const declared = await declaredOf(restoredCase);
  expectGolden("restored", declared);
  expect(Object.keys(declared.resources).filter((key) => key.includes(":TrussImage "))).toEqual([]);
});

it("an `up` after the first finds the same inputs of components in the state: nothing changes", async () => {
  const componentsOf = async (modelCase: ModelCase) =>
    Object.entries((await declaredOf(modelCase)).resources).filter(([key]) => key.startsWith("menagerie:"));
  const found = await componentsOf(unchangedCase);
  expect(found.length).toBeGreaterThan(3);
  expect(found).toEqual(await componentsOf({ ...unchangedCase, sources: {} }));
});

it("a patch changes the sync alone: image and service are those of the last full deployment", async () => {
  const declared = await declaredOf(patchCase);
  expectGolden("patch", declared);
  expect(declared).toEqual(await declaredOf(keptCase));
});
