import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/** Pipelines as their user has them: the example of docs/state.md, one that fails, one by a schedule. */

let shared: SharedEnvironment;
let committed: string;

const write = async (path: string, text: string): Promise<void> => {
  const file = join(shared.home.project, path);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, text);
};

/** A block of docs/state.md, as written. */
async function example(language: string, beginning: string): Promise<string> {
  const docs = await readFile(join(import.meta.dirname, "../../docs/state.md"), "utf8");
  for (const [, of, block = ""] of docs.matchAll(/```(\w+)\n(.*?)```/gs))
    if (of === language && block.startsWith(beginning)) return block;
  throw new Error(`docs/state.md has no ${language} example that begins with ${beginning}`);
}

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  committed = (await readFile(shared.stackFile, "utf8")).trimEnd();
  await write("state/state.sql", await example("sql", "-- state/state.sql"));
  await write("pipelines/words.mjs", await example("js", "// pipelines/words.mjs"));
  await write("pipelines/broken.mjs", 'console.log("reading"); console.log("the input is wrong"); process.exit(3);\n');
  await write(
    "pipelines/tick.mjs",
    `import pg from "pg";
const client = new pg.Client();
await client.connect();
await client.query("INSERT INTO item SELECT coalesce(max(id), 0) + 1, 'tick' FROM item");
await client.end();
`,
  );
});

afterAll(async () => {
  await shared.close();
  for (const path of ["state", "pipelines"])
    await rm(join(shared.home.project, path), { recursive: true, force: true });
});

/** The stack with the example's state in release `tag`, and other pipelines in it. */
async function stackWith(tag: string, ...pipelines: string[]): Promise<void> {
  const block = (await example("yaml", "menagerie:state:\n  schemas: state\n  tables: { word")).trimEnd();
  const lines = [...block.split("\n"), ...pipelines.map((line) => `    ${line}`), `  release: ${tag}`];
  await writeFile(shared.stackFile, `${committed}\n${lines.map((line) => `  ${line}`).join("\n")}\n`);
}

const sql = async (text: string): Promise<unknown> => {
  const script = `const pg = (await import("pg")).default; const client = new pg.Client(); await client.connect();
    console.log(JSON.stringify((await client.query(${JSON.stringify(text)})).rows)); await client.end();`;
  const term = ["term", "--as", "service", "--", "node", "--input-type=module", "-e", script];
  return JSON.parse((await shared.succeed(...term)).stdout);
};

describe("the example in docs/state.md", () => {
  it("runs once for a release, and anew for the next one", async () => {
    await stackWith("v1");
    const first = await shared.up();
    expect(first.stdout).toMatch(/pipeline words of v1: done/);
    await sql("INSERT INTO item VALUES (1, 'red apple'), (2, 'green apple')");
    await stackWith("v2");
    await shared.up();
    expect(await sql("SELECT word, items::int FROM word ORDER BY word")).toEqual([
      { word: "apple", items: 2 },
      { word: "green", items: 1 },
      { word: "red", items: 1 },
    ]);
    const again = await shared.up();
    expect(again.stdout).not.toMatch(/pipeline words of v2: (its pod|done)/);
  });
});

describe("a pipeline that fails", () => {
  it("ends the up with its last log lines, and runs again in the next", async () => {
    const broken =
      "broken: { folder: pipelines, command: [node, pipelines/broken.mjs], resources: { cpu: 100m, memory: 128Mi } }";
    await stackWith("v2", broken);
    const { code, stdout } = await shared.home.menagerie(["up"]);
    expect(code).toBe(1);
    expect(stdout).toContain("pipeline broken of v2 failed: its container ended with exit code 3 (Error)");
    expect(stdout).toMatch(/reading\n\s+the input is wrong/);
    expect(await shared.json("data", "list", "--json")).toMatchObject([
      { tag: "v1", pipelines: [{ name: "words" }] },
      { tag: "v2", pipelines: [{ name: "broken", finishedAt: null }, { name: "words" }] },
    ]);
    await write("pipelines/broken.mjs", 'console.log("mended");\n');
    expect((await shared.up()).stdout).toMatch(/pipeline broken of v2: done/);
  });
});

describe("a pipeline by a schedule", () => {
  it("runs in the current release, and nothing waits for it", async () => {
    const tick =
      'tick: { folder: pipelines, command: [node, pipelines/tick.mjs], schedule: "* * * * *", resources: { cpu: 100m, memory: 128Mi } }';
    await stackWith("v2", tick);
    await shared.up();
    interface Jobs {
      readonly items: { readonly status?: { readonly succeeded?: number } }[];
    }
    // Within the minute that the schedule says, on the cluster's own clock.
    for (let done = 0; done === 0; await delay(1_000)) {
      const { items } = await requestJson<Jobs>(shared.kubeConfig(), "GET", "/apis/batch/v1/namespaces/models/jobs", {
        query: { labelSelector: "menagerie.dev/pipeline=tick" },
      });
      done = items.filter(({ status }) => status?.succeeded === 1).length;
    }
    expect(await sql("SELECT count(*)::int > 0 AS ticked FROM item WHERE name = 'tick'")).toEqual([{ ticked: true }]);
  });
});
