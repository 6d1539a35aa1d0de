import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { trialsFolder } from "../../../src/local/trial/place.ts";
import { type HostProcess, hostProcesses } from "../support/menagerie.ts";
import { SharedEnvironment } from "../support/sharedEnvironment.ts";

/** docs/try.md, as its reader does it: a release of before beside the one that serves. */

let shared: SharedEnvironment;
let before: string;

interface Listed {
  readonly tag: string;
  readonly until: string | null;
}

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  await shared.editStack((text) => text.replace('FACTOR: "2"', 'FACTOR: "5"'));
  await shared.up();
  before = await currentNumber();
  await shared.editStack((text) => text.replace('FACTOR: "5"', 'FACTOR: "7"'));
  await shared.up();
});

afterAll(() => shared?.close());

/** Number of the deployment that is current: both have the same models, and so the same tag. */
async function currentNumber(): Promise<string> {
  const all = await shared.json<(Listed & { readonly id: string })[]>("releases", "--json");
  return all.find(({ until }) => until === null)?.id ?? "";
}

const trials = () => readdir(trialsFolder(shared.home.path)).catch(() => []);
/** Of this environment: other tests have trials of their own at the same time. */
const trialProcesses = (): HostProcess[] =>
  hostProcesses().filter(({ command }) => command.includes(`trial/main.ts ${shared.home.path} `));

const asks = `
  const body = JSON.stringify({ values: ["3"] });
  const answer = await fetch(process.env.MULTIPLIER_URL, { method: "POST", headers: { "content-type": "application/json" }, body });
  console.log(await answer.text());`;

test("a command asks the release of before, while the live one answers as it is", async () => {
  const args = ["try", before, "--model", "multiplier", "--", process.execPath, "--input-type=module", "-e", asks];
  const tried = await shared.home.menagerie(args);
  expect(tried.code, tried.stderr).toBe(0);
  expect(JSON.parse(tried.stdout)).toEqual({ results: [15] });
  const live = await shared.succeed("predict", "multiplier", "--data", '{"values": ["3"]}');
  expect(JSON.parse(live.stdout)).toEqual({ results: [21] });
  expect([await trials(), trialProcesses()]).toEqual([[], []]);
});

test("Ctrl-C ends a trial, which is how it is meant to end", async () => {
  const args = ["try", before, "--model", "multiplier", "--json"];
  const tried = await shared.home.menagerie(args, { interruptAt: /"url"/ });
  expect(tried.code).toBe(0);
  expect(JSON.parse(tried.stdout)).toMatchObject({ models: [{ name: "multiplier" }] });
  expect([await trials(), trialProcesses()]).toEqual([[], []]);
});

test("a model that the release does not have, and a release that is not there, are named", async () => {
  const model = await shared.home.menagerie(["try", before, "--model", "nobody"]);
  expect([model.code, model.stderr]).toEqual([2, expect.stringContaining('--model "nobody"')]);
  const release = await shared.home.menagerie(["try", "release-999"]);
  expect([release.code, release.stderr]).toEqual([2, expect.stringContaining("release-999")]);
});
