import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BisectReport } from "../../src/domain/bisect/report.ts";
import { shuffled } from "../../src/domain/proof/order.ts";
import { trialsFolder } from "../../src/local/trial/place.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { commitAll, gitIn } from "../support/gitRepository.ts";

/**
 * One history of 64 releases of two models, each a whole `up` of the real engine from a commit of its own, and faults of each kind at random
 * places of it: BISECT_SEED has them again, and BISECT_LENGTH=16 a history that takes minutes. The record is what those `up`s wrote.
 *
 * It is built each time, not kept as a fixture. The record pins images by digests, and an image's layers are the machine's own Python, by its
 * version, folder and processor (src/adapters/truss/python.ts). On another machine the images of a kept record would be gone, unless this
 * test wrote other digests into its rows. On 1 December 2026 the 64 `up`s took 18 minutes on two cores, and the searches 4.
 */

const length = Number(process.env.BISECT_LENGTH ?? 64);
const seed = process.env.BISECT_SEED ?? String(Date.now());
/** Releases, counted from 1. */
const drawn = shuffled(
  Array.from({ length: length - 2 }, (_, index) => index + 2),
  seed,
  String,
);
const [factor = 0, noise = 0, rounded = 0, together = 0, crash = 0, dependency = 0, prompt = 0] = drawn;
/** The release with which each fault comes. */
const faults = { factor, noise, rounded, together, crash, dependency, prompt };
/** Deployed from files that differ from their commit. */
const dirty = prompt;
/** A number from `least` to `most`. */
const number = (what: string, least: number, most: number): number => {
  const all = Array.from({ length: most - least + 1 }, (_, index) => least + index);
  return shuffled(all, `${seed} ${what}`, String)[0] ?? least;
};
/** Faulty from the first to before the second, and again from the third on; long enough for a search that looks further. */
const begins = number("begins", 3, (length * 5) / 16);
const pauses = begins + number("pauses", length / 8, length / 4);
const comesAndGoes = [begins, pauses, pauses + number("begins again", length / 8, length / 4)] as const;
/** From this release on, two do not start in a trial: they want to reach what is live. */
const broken = number("broken", 3, length - 4);
/** There are eight states, one after the other; in this one the rows of a table are spoiled. */
const perState = length / 8;
const spoiled = number("spoiled", 2, 8);

let shared: SharedEnvironment;
/** Numbers of the deployments, in the order of the `up`s. */
let ids: readonly string[];
/** What each was deployed from. */
const commits: string[] = [];

/** What every search said. */
const met: BisectReport[] = [];

const stateTag = (release: number): string => `r${Math.ceil(release / perState)}`;
const isBroken = (release: number): boolean => release === broken || release === broken + 1;

beforeAll(async () => {
  console.log(`BISECT_SEED=${seed}`, { ...faults, comesAndGoes, broken, spoiled: (spoiled - 1) * perState + 1 });
  shared = await SharedEnvironment.open();
  const { project } = shared.home;
  const before = await deployments();
  await gitIn(project, "init", "-q");
  await writeFile(join(project, ".git/info/exclude"), "node_modules\n.menagerie-installed\n");
  await mkdir(join(project, "state"), { recursive: true });
  await writeFile(join(project, "state", "item.sql"), "CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL);\n");
  await writeStored();
  for (let release = 1; release <= length; release += 1) {
    await writeHistory(release);
    await shared.edit("Pulumi.local.yaml", () => stackOf(release));
    commits.push(release === dirty ? (commits.at(-1) ?? "") : await commitAll(project));
    await shared.up();
    if (release === dirty) await commitAll(project);
    if (release === 1) await inState("r1", "INSERT INTO item VALUES (1, 'right')");
    if (release === (spoiled - 1) * perState + 1)
      await inState(stateTag(release), "UPDATE item SET name = 'wrong' WHERE id = 1");
  }
  ids = (await deployments()).filter((id) => !before.includes(id));
  expect(ids.length).toBe(length);
  // Each of the releases is a whole `up`.
}, 5_400_000);

afterAll(async () => {
  await shared?.close();
  for (const name of [".git", "state", "models/history", "models/stored"])
    await rm(join(shared.home.project, name), { recursive: true, force: true });
});

async function deployments(): Promise<string[]> {
  const all = await shared.json<{ readonly id: string }[]>("releases", "--json");
  return all.map(({ id }) => id).reverse();
}

/** As a service of the state's releases changes its rows. */
async function inState(tag: string, sql: string): Promise<void> {
  const wanted = ["env", "--json", "--secrets", "--host", "--release", tag];
  const { DATABASE_URL: connectionString = "" } = await shared.json<Readonly<Record<string, string>>>(...wanted);
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    expect((await client.query(sql)).rowCount).toBe(1);
  } finally {
    await client.end();
  }
}

/** Each release has a variable of its own, so that none has the content of another. */
function stackOf(release: number): string {
  const [first, second, third] = comesAndGoes;
  const isNegative = (release >= first && release < second) || release >= third;
  const env = {
    RELEASE: String(release),
    FACTOR: release < faults.factor ? "2" : "2.5",
    SIGN: isNegative ? "-1" : "1",
    MODE: release < faults.together ? "a" : "b",
  };
  return [
    "config:",
    "  menagerie:nodeClass: local",
    "  menagerie:serving: { readyTimeoutSeconds: 300, requireApiKey: false }",
    "  menagerie:dynamicSettings: { createNamespace: true }",
    // More than the default, so that the first state is there at the end.
    `  menagerie:state: { schemas: state, release: ${stateTag(release)}, keep: ${length} }`,
    "  menagerie:zoo:",
    "    history:",
    "      truss: models/history",
    "      phase: done",
    "      resources: { cpu: 250m, memory: 256Mi }",
    `      env: ${JSON.stringify(env)}`,
    "    stored:",
    "      truss: models/stored",
    "      phase: done",
    "      state: true",
    "      resources: { cpu: 250m, memory: 256Mi }",
    "",
  ].join("\n");
}

async function writeTruss(name: string, requirement: string, files: Readonly<Record<string, string>>): Promise<void> {
  const folder = join(shared.home.project, "models", name);
  await mkdir(join(folder, "model"), { recursive: true });
  const config = ["model_name: NAME", "python_version: py311", "requirements:", `  - ${requirement}`, ""];
  await writeFile(join(folder, "config.yaml"), config.join("\n").replace("NAME", name));
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, "model", file), text);
}

async function writeHistory(release: number): Promise<void> {
  const noisy = release < faults.noise ? "0" : "int(random.random() < 0.4)";
  const mode = release < faults.together ? '"a"' : 'os.environ["MODE"]';
  const rare = release < faults.crash ? "pass" : "assert value != 13";
  const asks = isBroken(release) ? "socket.create_connection((api.hostname, api.port or 80), 10).close()" : "pass";
  await writeTruss("history", `six==${release < faults.dependency ? "1.16.0" : "1.17.0"}`, {
    "prompt.txt": release < faults.prompt ? "You are kind." : "You are curt.",
    "model.py": `import os
import random
import socket
from pathlib import Path
from urllib.parse import urlparse

import six


class Model:
    def load(self):
        api = urlparse(os.environ.get("API_URL", "http://127.0.0.1"))
        ${asks}

    def predict(self, model_input):
        value = float(model_input["value"])
        ${rare}
        return {
            "factor": value * float(os.environ["FACTOR"]),
            "sign": int(os.environ["SIGN"]),
            "rounded": round(value / 3, ${release < faults.rounded ? 6 : 2}),
            "together": ${mode},
            "noise": ${noisy},
            "dependency": six.__version__,
            "prompt": (Path(__file__).parent / "prompt.txt").read_text(),
        }
`,
  });
}

/** What the state has, as the login of its release sees it. */
async function writeStored(): Promise<void> {
  await writeTruss("stored", "pg8000==1.31.2", {
    "model.py": `import os

from pg8000.native import Connection


class Model:
    def predict(self, model_input):
        connection = Connection(
            os.environ["PGUSER"],
            host=os.environ["PGHOST"],
            port=int(os.environ["PGPORT"]),
            database=os.environ["PGDATABASE"],
            password=os.environ["PGPASSWORD"],
            ssl_context=None if os.environ["PGSSLMODE"] == "disable" else True,
        )
        try:
            return {"names": [name for (name,) in connection.run("SELECT name FROM item ORDER BY id")]}
        finally:
            connection.close()
`,
  });
}

const fields = ["factor", "sign", "rounded", "together", "noise", "dependency", "prompt"] as const;

interface Found {
  readonly report: BisectReport;
  /** Times that something was brought up to find the place, those for the split not counted. */
  readonly restores: number;
}

/** Finds the release with which `field` of the answer to `value` is no longer `expected`. */
function find(field: (typeof fields)[number], expected: unknown, value = 7, ...more: string[]): Promise<Found> {
  const others = fields.filter((each) => each !== field).flatMap((each) => ["--ignore", each]);
  return search("history", { value }, { [field]: expected }, ...others, ...more);
}

async function search(model: string, data: object, expected: object, ...more: string[]): Promise<Found> {
  const ends = [ids[0] ?? "", ids.at(-1) ?? ""];
  const asked = ["--model", model, "--data", JSON.stringify(data), "--expect", JSON.stringify(expected)];
  const { code, stdout, stderr } = await shared.home.menagerie(["bisect", ...ends, ...asked, ...more, "--json"]);
  if (stdout === "") throw new Error(stderr);
  const report = JSON.parse(stdout) as BisectReport;
  met.push(report);
  expect(code).toBe(report.change.first.length === 1 ? 0 : 3);
  expect(await readdir(trialsFolder(shared.home.path)).catch(() => [])).toEqual([]);
  const mixed = new Set(
    [...stderr.matchAll(/^[✓✗] (\S+ \(deployment \d+\) with .*?) +[\d.]+ s(?: |$)/gm)].map(([, name]) => name),
  );
  console.log(model, expected, `${report.restores} restores, ${mixed.size} of them for the split`);
  return { report, restores: report.restores - mixed.size };
}

function place({ report: { change } }: Found): readonly [last: number, ...first: readonly number[]] {
  const at = ({ deployment }: { readonly deployment: string }) => ids.indexOf(deployment) + 1;
  return [at(change.last), ...change.first.map(at)];
}

/** The releases between which the answer changes, as far as those that do not start leave it open: the last right one first. */
function around(fault: number): number[] {
  let [last, first] = [fault - 1, fault];
  while (isBroken(last)) last -= 1;
  while (isBroken(first)) first += 1;
  return Array.from({ length: first - last + 1 }, (_, index) => last + index);
}

/** Both ends and six halves; one or two more for each release that does not start. */
function expectFewRestores({ report, restores }: Found): void {
  expect(restores).toBeLessThanOrEqual(8 + 2 * report.notJudged.length);
}

/** Of the part that makes the difference, the `up` that brought it. */
function expectCommit({ report }: Found, fault: number): void {
  const [part] = report.parts;
  // The content of a release that does not start is its own.
  let came = fault;
  while (part?.kind === "model" && isBroken(came)) came += 1;
  const commit = commits[came - 1] ?? "";
  expect(commit).toMatch(/^[0-9a-f]{40}$/);
  const deployedFrom = came === dirty ? { commit: null, dirtyCommit: commit } : { commit, dirtyCommit: null };
  expect(part?.releases).toMatchObject([{ deployment: ids[came - 1], ...deployedFrom }]);
}

describe("in one history of real releases", { timeout: 1_800_000 }, () => {
  test("a key of the config is found in at most 8 restores, besides the split, with the commit of its `up`", async () => {
    const found = await find("factor", 14);
    expect(place(found)).toEqual(around(faults.factor));
    expectFewRestores(found);
    expect(found.report.parts).toMatchObject([
      { kind: "config", key: "env.FACTOR", from: '"2"', to: '"2.5"', needed: true },
    ]);
    expectCommit(found, faults.factor);
  });

  test("a model's content is found, with the commit of its `up`", async () => {
    const found = await find("rounded", 2.333333);
    expect(place(found)).toEqual(around(faults.rounded));
    expectFewRestores(found);
    expect(found.report.parts).toMatchObject([{ kind: "model", model: "history", needed: true }]);
    expectCommit(found, faults.rounded);
  });

  test("a package of another version is found as the content that asks for it", async () => {
    const found = await find("dependency", "1.16.0");
    expect(place(found)).toEqual(around(faults.dependency));
    expectFewRestores(found);
    expect(found.report.parts).toMatchObject([{ kind: "model", model: "history", needed: true }]);
    expectCommit(found, faults.dependency);
  });

  test("another prompt is found; its commit is unknown, where files differed from it", async () => {
    const found = await find("prompt", "You are kind.");
    expect(place(found)).toEqual(around(faults.prompt));
    expectFewRestores(found);
    expect(found.report.parts).toMatchObject([{ kind: "model", model: "history", needed: true }]);
    expectCommit(found, faults.prompt);
  });

  test("a content and a key that do it only together are named together", async () => {
    const found = await find("together", "a");
    expect(place(found)).toEqual(around(faults.together));
    expectFewRestores(found);
    expect(found.report.parts).toMatchObject([
      { kind: "model", needed: true },
      { kind: "config", key: "env.MODE", needed: true },
    ]);
  });

  test("a model that answers by chance is found by asking it more often, in as few restores", async () => {
    const found = await find("noise", 0);
    expect(place(found)).toEqual(around(faults.noise));
    expectFewRestores(found);
    expect(found.report.parts).toMatchObject([{ kind: "model", needed: true }]);
  });

  test("a fault on a rare input is found by that input", async () => {
    const found = await find("factor", 32.5, 13, "--ignore", "factor");
    expect(place(found)).toEqual(around(faults.crash));
    expectFewRestores(found);
  });

  test("rows of a table that were spoiled are found, and the live state is as it was", async () => {
    const found = await search("stored", {}, { names: ["right"] });
    const expected = around((spoiled - 1) * perState + 1);
    expect(place(found)).toEqual(expected);
    const [before, after] = [expected[0], expected.at(-1)].map((release = 0) => `rows of ${stateTag(release)}`);
    expectFewRestores(found);
    expect(found.report.parts).toMatchObject([{ kind: "table", table: "item", from: before, to: after, needed: true }]);
    expect(found.report.notes).toEqual(expect.arrayContaining([expect.stringContaining("as it was last used")]));
    for (const [tag, name] of [
      [`r${spoiled - 1}`, "right"],
      [`r${spoiled}`, "wrong"],
    ] as const) {
      await inState(tag, `SELECT FROM item WHERE name = '${name}'`);
    }
  });

  test("a fault that comes and goes: one transition is named, and others are seen", async () => {
    const found = await find("sign", 1, 7, "--look-further", "12");
    const [first, , third] = comesAndGoes;
    expect([around(first), around(third)]).toContainEqual(place(found));
    expect(found.report.change.contrary.length).toBeGreaterThan(0);
  });

  test("releases that do not start are named wherever a search met them, and nothing else is", () => {
    const named = met.flatMap(({ notJudged }) => notJudged.map(({ deployment }) => ids.indexOf(deployment) + 1));
    expect(named.filter((release) => !isBroken(release))).toEqual([]);
  });
});
