import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SharedEnvironment } from "../support/sharedEnvironment.ts";

/**
 * Two zoo models go through a rollout side by side, one line of config at a time: `tripler` comes back from its bake, and
 * `doubler` goes the whole way. Apps that were there before and apps that were made on the new version are asked at each phase.
 */

interface App {
  readonly id: string;
}
interface Standing {
  readonly name: string;
  readonly phase: string;
  readonly versions: readonly { readonly id: string; readonly number: number; readonly apps: number }[];
  readonly next: { readonly set: readonly string[]; readonly refused: string | null };
}

const models = ["doubler", "tripler"] as const;
const body = '{"values": ["2"]}';
const oldAnswer = { results: [4] };
const newAnswer = { results: [6] };

let shared: SharedEnvironment;
/** By model: an app from before the rollout, and one that was made on the new version. */
const before: Record<string, string> = {};
const after: Record<string, string> = {};
let from: Record<string, string> = {};

const entry = (model: string, lines: readonly string[]): string =>
  [
    `    ${model}:`,
    `      truss: models/${model}`,
    "      resources: { cpu: 200m, memory: 256Mi }",
    '      smoke: [{ input: { values: ["2"] }, output: { results: [6] } }]',
    ...lines.map((line) => `      ${line}`),
    "",
  ].join("\n");

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const { project } = shared.home;
  for (const model of models)
    await cp(join(project, "models/multiplier"), join(project, "models", model), { recursive: true });
  const entries = models.map((model) => entry(model, ["phase: done"])).join("");
  await shared.editStack((text) => text.replace("  menagerie:zoo:\n", (key) => key + entries));
  await shared.up();
  await makeApps(before);
  from = Object.fromEntries((await standings()).map(({ name, versions }) => [name, versions[0]?.id ?? ""]));
});

afterAll(() => shared.close());

/** One app of each model. */
async function makeApps(into: Record<string, string>): Promise<void> {
  const apps = await Promise.all(
    models.map((model) => shared.json<App>("app", "create", model, "--owner", `${model}@example.com`, "--json")),
  );
  for (const [index, model] of models.entries()) into[model] = apps[index]?.id ?? "";
}

function standings(): Promise<Standing[]> {
  return shared.json<Standing[]>("rollout", "--json");
}

async function standing(model: string): Promise<Standing> {
  const found = (await standings()).find(({ name }) => name === model);
  if (!found) throw new Error(`${model} stands nowhere`);
  return found;
}

/** The one line that moves a rollout. */
async function setPhase(model: string, phase: string): Promise<void> {
  await shared.editStack((text) =>
    text.replace(new RegExp(`(    ${model}:\\n(?:      .*\\n)*?      phase: ).*`), `$1${phase}`),
  );
}

async function predict(...args: string[]): Promise<unknown> {
  return JSON.parse((await shared.succeed(...args, "--data", body)).stdout);
}

/** What the app from before is answered, and the one that was made on the new version. */
async function answers(model: string): Promise<unknown[]> {
  const apps = [before[model], after[model]].filter((id) => id !== undefined);
  return Promise.all(apps.map((id) => predict("app", "predict", id)));
}

test("copy: the new content answers as a copy, everybody else as before", async () => {
  for (const model of models) {
    await shared.edit(`models/${model}/model/model.py`, (text) =>
      text.replaceAll("Decimal(2)", "Decimal(3)").replaceAll('"FACTOR", "2"', '"FACTOR", "3"'),
    );
    await shared.editStack((text) =>
      text.replace(
        new RegExp(`(    ${model}:\\n(?:      .*\\n)*?)      phase: done`),
        `$1      from: "${from[model]}"\n      phase: copy`,
      ),
    );
  }
  await shared.editStack((text) => text.replace(/ {4}doubler:\n/, "    doubler:\n      bake: { minutes: 0 }\n"));
  const { stdout } = await shared.up();
  expect(stdout).toContain("doubler: phase done → copy, from version 1");
  expect(stdout).toContain("doubler: doubler_copy: version 1 (new)");
  expect(stdout).toContain("doubler: version 1: served as before, new apps use it, 1 app points at it");
  expect(await Promise.all([predict("predict", "doubler_copy"), predict("predict", "doubler")])).toEqual([
    newAnswer,
    oldAnswer,
  ]);
  expect(await Promise.all(models.map(answers))).toEqual([[oldAnswer], [oldAnswer]]);
  expect((await standing("doubler")).next).toEqual({ set: ["phase: version"], refused: null });
});

test("version: new apps get the new version, the others stay", async () => {
  for (const model of models) await setPhase(model, "version");
  await shared.up();
  await makeApps(after);
  for (const each of await Promise.all(models.map(answers))) expect(each).toEqual([oldAnswer, newAnswer]);
  expect(await predict("predict", "doubler")).toEqual(newAnswer);
});

test("forward: who moves is counted before, and they do", async () => {
  const planned = await shared.json<{ direction: string; rows: number }[]>("rollout", "plan", "tripler", "--json");
  expect(planned.map(({ direction, rows }) => [direction, rows])).toEqual([
    ["forward", 1],
    ["reverted", 0],
  ]);
  for (const model of models) await setPhase(model, "forward");
  const { stdout } = await shared.up();
  expect(stdout).toMatch(/tripler: 1 row of 1 user moves from \d+ to \d+, about 1 s/);
  for (const each of await Promise.all(models.map(answers))) expect(each).toEqual([newAnswer, newAnswer]);
});

test("bake: nothing moves, and done is refused until it is over", async () => {
  for (const model of models) await setPhase(model, "bake");
  await shared.up();
  expect((await standing("tripler")).next.refused).toMatch(/the bake is over/);
});

test("done removes the old version; reverted moves back whom forward moved, and nobody else", async () => {
  await setPhase("doubler", "done");
  await setPhase("tripler", "reverted");
  const { stdout } = await shared.up();
  expect(stdout).toContain("doubler: version 1 is removed; its row and image stay");
  expect(stdout).toMatch(/tripler: 1 row of 1 user moves back from \d+ to \d+/);
  expect(await Promise.all([answers("doubler"), answers("tripler")])).toEqual([
    [newAnswer, newAnswer],
    [oldAnswer, newAnswer],
  ]);
  expect(await predict("predict", "tripler")).toEqual(oldAnswer);
  expect((await standing("tripler")).versions.map(({ number, apps }) => [number, apps])).toEqual([
    [1, 1],
    [2, 1],
  ]);
  await shared.succeed("pulumi", "--", "preview", "--expect-no-changes");
});

test("what apps point at cannot be taken out of the config", async () => {
  const before = await readFile(shared.stackFile, "utf8");
  await writeFile(shared.stackFile, before.replace(/ {4}tripler:\n(?: {6}.*\n)*/, ""));
  const refused = await shared.home.menagerie(["pulumi", "--", "preview"]);
  await writeFile(shared.stackFile, before);
  expect(refused.stdout + refused.stderr).toMatch(
    /menagerie:zoo.tripler: is not in the config any more, and 2 apps point at it; put it back while they do/,
  );
});
