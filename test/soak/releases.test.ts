import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateDigest } from "../../src/adapters/postgres/releaseState/digest.ts";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { ownConfig } from "../../src/config/ownConfig.ts";
import { parseEnvironment } from "../../src/config/parse.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import type { DeploymentRange } from "../../src/domain/release/record.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/** Three releases of one model, with a state that a pipeline built and services went on with, and the way back. */

let shared: SharedEnvironment;
const model = (answer: number): string => `class Model:
    def predict(self, request):
        return {"answer": ${answer}}
`;
const state = `
  menagerie:state:
    schemas: state
    pipelines:
      remember:
        folder: pipelines
        command: [node, pipelines/remember.mjs]
        resources: { cpu: 100m, memory: 128Mi }
`;
const pipeline = `import pg from "pg";
const client = new pg.Client();
await client.connect();
await client.query("TRUNCATE memory");
await client.query("INSERT INTO memory SELECT i, $1 || ' ' || i FROM generate_series(1, 1000) i", [process.env.VERSION]);
await client.end();
`;
const entry = "    ranker: { truss: models/ranker, phase: done, resources: { cpu: 250m, memory: 256Mi } } # ours\n";

const write = (answer: number) => writeFile(join(shared.home.project, "models/ranker/model/model.py"), model(answer));
const answer = async () => (await shared.json<{ answer: number }>("predict", "ranker", "--data", "{}")).answer;
const releases = (...args: string[]) =>
  shared.json<(DeploymentRange & { since: string })[]>("releases", "--json", ...args);
const ranker = (range: DeploymentRange | undefined) => range?.models.find(({ name }) => name === "ranker");

/** The three releases, the oldest first. */
const deployed: (DeploymentRange & { since: string })[] = [];

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const folder = join(shared.home.project, "models/ranker");
  await mkdir(join(folder, "model"), { recursive: true });
  await writeFile(join(folder, "config.yaml"), "model_name: ranker\n");
  await writeFile(join(folder, "model/__init__.py"), "");
  await write(1);
  for (const [path, text] of [
    ["state/memory.sql", "CREATE TABLE memory (id bigint PRIMARY KEY, text text NOT NULL)"],
    ["pipelines/remember.mjs", pipeline],
  ] as const) {
    await mkdir(join(shared.home.project, path, ".."), { recursive: true });
    await writeFile(join(shared.home.project, path), text);
  }
  await shared.editStack((text) => `${text.trimEnd().replace("menagerie:zoo:\n", `menagerie:zoo:\n${entry}`)}${state}`);
});

afterAll(async () => {
  await shared.close();
  for (const path of ["state", "pipelines"])
    await rm(join(shared.home.project, path), { recursive: true, force: true });
});

/** Works in the platform's database. */
async function inDatabase<T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> {
  const target = await readTarget(environmentLayout("local", shared.home.path));
  return withClient(serverFromUrl(target?.databaseServer?.url ?? "", "the target's url"), platformDatabase, work);
}
const digestOf = (range: DeploymentRange | undefined) =>
  inDatabase((client) => stateDigest(client, range?.stateSchema ?? ""));
/** As a service of the release does it, with nothing but its environment. */
const asService = (script: string) =>
  shared.succeed("term", "--as", "service", "--", "node", "--input-type=module", "-e", script);
const sql = (text: string) =>
  `const pg = (await import("pg")).default; const client = new pg.Client(); await client.connect();
   console.log(JSON.stringify((await client.query(${JSON.stringify(text)})).rows)); await client.end();`;

/** Content of each release's state when the next one took its place. */
const left: Awaited<ReturnType<typeof digestOf>>[] = [];

describe("three releases with three contents of a model", () => {
  it("are each recorded as current", async () => {
    for (const each of [1, 2, 3]) {
      await write(each);
      await shared.up();
      expect(await answer()).toBe(each);
      const [current] = await releases("--stack", "local");
      if (current) deployed.push(current);
      expect(current).toMatchObject({ outcome: "deployed", until: null });
      expect(ranker(current)).toMatchObject({ version: each, service: `ranker-v${each}` });
      const { stdout } = await asService(sql("SELECT count(*)::int AS n, min(text) AS text FROM memory"));
      expect(JSON.parse(stdout)).toEqual([{ n: 1000, text: `${current?.tag} 1` }]);
      await asService(sql(`INSERT INTO memory SELECT 1000 + i, 'said in ${each}' FROM generate_series(1, ${each}) i`));
      left.push(await digestOf(current));
    }
    expect(new Set(left.map((digest) => digest.memory?.digest)).size).toBe(3);
    expect(await shared.json("data", "list", "--json")).toMatchObject(
      deployed.map(({ tag }) => ({ tag, ready: true, pipelines: [{ name: "remember" }] })),
    );
    expect(new Set(deployed.map(({ tag }) => tag)).size).toBe(3);
    const { stdout } = await shared.succeed("pulumi", "--", "stack", "output", "release");
    expect(stdout.trim()).toBe(deployed[2]?.tag);
  });

  it("are told by the time that they were current at", async () => {
    for (const { since, tag, models } of deployed)
      expect(await releases("--at", since)).toMatchObject([{ tag, models }]);
    expect(await releases("--at", "2001-01-01")).toEqual([]);
  });

  it("differ by what changed", async () => {
    const { stdout } = await shared.succeed("releases", "diff", deployed[0]?.tag ?? "", deployed[2]?.tag ?? "");
    expect(stdout.trim()).toBe("ranker: 1 → 3");
  });

  it("are drawn on a page", async () => {
    const page = join(shared.home.path, "releases.html");
    await shared.succeed("releases", "timeline", "--report", page);
    const html = await readFile(page, "utf8");
    for (const { tag } of deployed) expect(html).toContain(tag);
    expect(html).not.toMatch(/<script|https?:\/\//);
  });
});

describe("a release that is promoted", () => {
  it("pins the contents that it was verified with in the other stack's file, which stays right", async () => {
    const file = join(shared.home.project, "Pulumi.prod.yaml");
    const before = await readFile(file, "utf8");
    const { stderr } = await shared.succeed("promote", "local", "prod");
    const text = await readFile(file, "utf8");
    await writeFile(file, before);
    expect(stderr).toContain("ranker: is new here");
    const { zoo, versioning } = parseEnvironment(ownConfig(text, file));
    expect(versioning.promotedFrom).toBe(`local/${deployed[2]?.tag}`);
    for (const { name, hash } of deployed[2]?.models ?? []) expect(zoo[name]?.hash).toBe(hash);
  });
});

describe("a restored release", () => {
  it("brings the first content back, from the image that was built then, though the folder holds another", async () => {
    const [first] = deployed;
    const { stdout } = await shared.succeed("restore", first?.tag ?? "");
    expect(stdout).toContain(`+ menagerie:zoo.ranker.hash: "${ranker(first)?.hash}"`);
    const text = await readFile(shared.stackFile, "utf8");
    expect(text).toContain("# ours");
    expect(text).toContain("# Nobody else makes the namespace of the application that reads them.");
    const up = await shared.up();
    expect(up.stdout + up.stderr).not.toMatch(/image ranker:/);
    expect(await answer()).toBe(1);
    const [current] = await releases();
    expect(current).toMatchObject({ tag: first?.tag, outcome: "deployed" });
    expect(ranker(current)).toEqual(ranker(first));
  });

  it("works in the state that it left, byte for byte, which no pipeline builds again", async () => {
    const [first] = deployed;
    expect(await digestOf(first)).toEqual(left[0]);
    const { stdout } = await asService(sql("SELECT count(*)::int AS n FROM memory"));
    expect(JSON.parse(stdout)).toEqual([{ n: 1001 }]);
    for (const [index, range] of deployed.entries()) expect(await digestOf(range)).toEqual(left[index]);
  });

  it("is the one that is left again by restoring the last one", async () => {
    await shared.succeed("restore", deployed[2]?.tag ?? "", "--no-preview");
    await shared.up();
    expect(await answer()).toBe(3);
    expect((await releases())[0]).toMatchObject({ tag: deployed[2]?.tag });
    expect(await digestOf(deployed[2])).toEqual(left[2]);
  });

  it("whose image is gone is refused by the preview, and built again where the folder holds what it was built from", async () => {
    const [first] = deployed;
    const layout = environmentLayout("local", shared.home.path);
    const image = join(layout.images, ranker(first)?.digest?.replace("sha256:", "") ?? "none");
    await rename(image, join(shared.home.path, "gone"));
    const restored = await shared.home.menagerie(["restore", first?.tag ?? ""]);
    expect(restored.code).not.toBe(0);
    const refused =
      /menagerie:zoo\.ranker\.hash: image \S+ of version 1 is not stored any more, and models\/ranker has another content \([0-9a-f]{12}\); check out models\/ranker as it was then/;
    expect(restored.stdout + restored.stderr).toMatch(refused);
    const up = await shared.home.menagerie(["up"]);
    expect([up.code !== 0, up.stdout + up.stderr]).toEqual([true, expect.stringMatching(refused)]);
    expect(await answer()).toBe(3);

    await write(1);
    expect(await shared.preview()).toMatch(
      /ranker: version 1 \(registered as \d+, built again, because its image is not stored any more\)/,
    );
    await shared.up();
    expect(await answer()).toBe(1);
    expect(existsSync(image)).toBe(true);
    expect(ranker((await releases())[0])).toEqual(ranker(first));
  });

  it("needs a release that there was", async () => {
    const { code, stderr } = await shared.home.menagerie(["restore", "release-999"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/release "release-999": environment "local" never had it; the latest are release-/);
  });
});
