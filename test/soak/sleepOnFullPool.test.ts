import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { postToModel } from "../../src/adapters/kubernetes/workloads.ts";
import { SleepEnvironment, space } from "./sleepEnvironment.ts";

/**
 * A rollout on a pool that is full: one of its three GPUs is always used, the two versions of `mover` sleep and wake by themselves, and
 * `other` sleeps beside them.
 */

let own: SleepEnvironment;
let app: string;
let first: string;

const model = (name: string, truss: string, lines: readonly string[]): string =>
  [
    `    ${name}:`,
    `      truss: models/${truss}`,
    "      pool: t4",
    "      resources: { cpu: 100m, memory: 512Mi }",
    ...lines.map((line) => `      ${line}`),
    "",
  ].join("\n");
const sleepy = "replicas: { min: 0, idleMinutes: 1 }";
const inPhase = (phase: string) => [
  `phase: ${phase}`,
  `from: "${first}"`,
  "bake: { minutes: 0 }",
  'smoke: [{ input: { values: ["2"] }, output: { results: [6] } }]',
];

const stack = (mover: readonly string[], more = ""): string =>
  `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 180, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:pools:
    t4: { gpu: { kind: t4, perNode: 1 }, replicas: 3, capacity: { cpu: "4", memory: 8Gi } }
  menagerie:zoo:
${model("keeper", "multiplier", ["phase: done"])}${model("other", "multiplier", ["phase: done", sleepy])}${model("mover", "doubler", [sleepy, ...mover])}${more}`;

beforeAll(async () => {
  own = await SleepEnvironment.open(stack(["phase: done"]), { doubler: "multiplier" });
  const { stdout } = await own.home.menagerie(["app", "create", "mover", "--owner", "ada@example.com", "--json"]);
  app = (JSON.parse(stdout) as { id: string }).id;
  const rollouts = JSON.parse((await own.home.menagerie(["rollout", "--json"])).stdout) as {
    name: string;
    versions: { id: string }[];
  }[];
  first = rollouts.find(({ name }) => name === "mover")?.versions[0]?.id ?? "";
});

afterAll(() => own?.close());

const asked = () => own.post(`${own.api}/models/${app}/predict`);
const answer = (value: number) => ({ status: 200, text: `{"results": [${value}.0]}` });

const asleep = async (name: string, version: number) => own.asleep(await own.serviceOf(name, version));
const bothAsleep = () => Promise.all([asleep("mover", 1), asleep("mover", 2)]);

/** Asks a version itself, whatever the route leads to. */
function wake(name: string) {
  const request = {
    path: "/v1/models/model:predict",
    mode: "Standard",
    revision: "",
    body: { values: ["2"] },
  } as const;
  const front = { servicesNamespace: "menagerie" };
  return postToModel(
    { config: own.cluster, namespace: space, name },
    { ...request, front },
    AbortSignal.timeout(240_000),
  );
}

test("`copy` and `version` find room for the new version beside the one that sleeps", async () => {
  await asleep("mover", 1);
  await asleep("other", 1);
  const file = join(own.home.project, "models/doubler/model/model.py");
  const code = await readFile(file, "utf8");
  await writeFile(file, code.replaceAll("Decimal(2)", "Decimal(3)").replaceAll('"FACTOR", "2"', '"FACTOR", "3"'));
  await own.deploy(stack(inPhase("copy")));
  await own.deploy(stack(inPhase("version")));
  expect(await asked()).toEqual(answer(4));
});

test("both versions keep their place until the rollout is done, asleep or not: a model that always runs has none", async () => {
  await own.write(stack(inPhase("version"), model("greedy", "multiplier", ["phase: done"])));
  const { code, stdout, stderr } = await own.home.menagerie(["preview"]);
  expect(code).not.toBe(0);
  expect((stdout + stderr).replaceAll(/\s+/g, " ")).toMatch(/pool t4 needs 4 GPUs at once \([^)]*mover version 2 1/);
});

test("`forward` moves the app while both versions sleep, and its next request wakes the new one", async () => {
  await bothAsleep();
  await own.deploy(stack(inPhase("forward")));
  expect(await asked()).toEqual(answer(6));
});

test("a model that wakes while the pool is full answers 503 with the pool's name, and 200 once there is room", async () => {
  await asleep("other", 1);
  const old = await own.serviceOf("mover", 1);
  // Both have their places before the third comes, and are used all the while, so that neither sleeps.
  const use = async () => expect(await Promise.all([wake(old), asked()])).toEqual([answer(4), answer(6)]);
  await use();
  let isOver = false;
  const using = (async () => {
    while (!isOver) {
      await use();
      await delay(500);
    }
  })();
  const refused = await own.predict("other");
  isOver = true;
  await using;
  expect(refused.status).toBe(503);
  expect(refused.text).toContain("has not started within 120 s: no node takes its pod: pool t4 has no");
  await bothAsleep();
  expect(await own.predict("other")).toEqual(answer(4));
});

test("going back needs no room: `reverted` moves the app back while both versions sleep", async () => {
  await own.deploy(stack(inPhase("reverted")));
  expect(await asked()).toEqual(answer(4));
});
