import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DatabaseServer, urlOf, withClient } from "../../src/adapters/postgres/server.ts";
import { latestEvidence } from "../../src/adapters/postgres/zoo/gateEvidence.ts";
import { platformDatabase, roles } from "../../src/domain/platformDatabase.ts";
import { type ProofResult, proofResult } from "../../src/domain/proof/result.ts";
import { copyOfCheckout } from "../local/support/menagerie.ts";
import { commentPicture } from "../support/commentPicture.ts";
import { commitAll, gitIn, writeFiles } from "../support/gitRepository.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { editedModels, editedRequests } from "../support/proofEdits.ts";
import { sampleOf } from "../support/proofRepository.ts";
import { tar } from "../support/tar.ts";
import { type JobResult, runJob, workflow } from "../support/workflow.ts";

/**
 * The workflows of a proof as they are written, with the real menagerie, models and database. Played are GitHub's actions and comments, and
 * what a runner has: `npm ci`, `sudo`. The pull request edits three models, and all that could make a proof say what it wants.
 */

const models = ["iris", "multiplier", "speaker"] as const;
let folder: string;
let project: string;
let postgres: TestPostgres;
let index: Server;
let base: string;
let head: string;
let marker: string;

const git = (...args: string[]): Promise<string> => gitIn(project, ...args);

beforeAll(async () => {
  project = await copyOfCheckout();
  folder = await mkdtemp(join(tmpdir(), "menagerie-proof-workflows-"));
  for (const name of ["artifacts", "bin", "home"]) await mkdir(join(folder, name));
  await copyFile(join(import.meta.dirname, "../support/fakeGh.mjs"), join(folder, "bin/gh"));
  await chmod(join(folder, "bin/gh"), 0o755);
  await writeFile(join(folder, "bin/sudo"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(folder, "comments.json"), "[]");
  await writeFile(join(folder, "pulls.json"), JSON.stringify([{ number: 7, base: { ref: "main" }, events: [] }]));
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  marker = join(folder, "hostile");
  index = await hostilePackage();
  await rm(join(project, "Pulumi.prod.yaml"));
  await edit("Pulumi.staging.yaml", (text) =>
    text
      .replace(/ {2}# A tenth of the requests[\s\S]*/, "")
      .replace("  menagerie:zoo:\n", (key) => `${key}    speaker: { truss: models/speaker, phase: done }\n`),
  );
  await writeFiles(project, { ".gitignore": "node_modules\n.menagerie-installed\n" });
  for (const model of models) {
    const { operation, path } = editedModels[model];
    const sample = sampleOf(model, editedRequests(model, undefined), { operation, path });
    await writeFiles(project, { [`samples/${model}/requests.sample.jsonl`]: sample });
  }
  await git("init", "-q", "-b", "main");
  base = await commitAll(project);
  await git("checkout", "-q", "-b", "change");
  await change();
  head = await commitAll(project);
  await git("checkout", "-q", "main");
});

afterAll(async () => {
  index?.close();
  await postgres?.stop();
  await rm(project, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
});

async function edit(file: string, by: (text: string) => string): Promise<void> {
  const path = join(project, file);
  const text = await readFile(path, "utf8");
  if (by(text) === text) throw new Error(`the edit of ${file} changes nothing`);
  await writeFile(path, by(text));
}

/** What the pull request does. */
async function change(): Promise<void> {
  await edit("models/iris/model/model.py", (text) => text.replace("round(float(value), 6)", "round(float(value), 3)"));
  await edit("models/multiplier/model/model.py", (text) => `${text}\n# Nothing else.\n`);
  const { port } = index.address() as AddressInfo;
  const requirement = `hostile @ http://127.0.0.1:${port}/hostile-1.0.tar.gz`;
  await edit("models/speaker/config.yaml", (text) => `${text}requirements: ["${requirement}"]\n`);
  // The job that judges takes rules, samples and tool from the base.
  await edit("Pulumi.staging.yaml", (text) =>
    text.replace("    iris:\n", "    iris:\n      proof: { compare: { tolerance: { absolute: 1 } } }\n"),
  );
  const easy = sampleOf("iris", editedRequests("iris", undefined).slice(0, 1));
  await writeFiles(project, {
    "samples/iris/requests.sample.jsonl": easy,
    "bin/menagerie.mjs": `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(marker)}, "the tool");`,
  });
}

/** An index with one package, whose setup.py tells that it ran and writes what it can. */
async function hostilePackage(): Promise<Server> {
  const setup = [
    "import os, glob",
    `open(${JSON.stringify(marker)}, "w").write(repr(dict(os.environ)))`,
    `open(${JSON.stringify(join(project, "staging.json"))}, "w").write("{}")`,
    "from setuptools import setup",
    "setup(name='hostile', version='1.0')",
  ].join("\n");
  const archive = gzipSync(
    tar([
      { name: "hostile-1.0/setup.py", content: setup },
      { name: "hostile-1.0/PKG-INFO", content: "Metadata-Version: 1.0\nName: hostile\nVersion: 1.0\n" },
    ]),
  );
  const server = createServer((_, response) => response.end(archive)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return server;
}

async function start(file: string, name: string, contexts: Readonly<Record<string, string>> = {}): Promise<JobResult> {
  const job = (await workflow(file)).jobs[name];
  if (!job) throw new Error(`${file} has no job ${name}`);
  return runJob(job, {
    workspace: project,
    artifacts: join(folder, "artifacts"),
    contexts: {
      "matrix.stack": "staging",
      "runner.arch": "X64",
      "github.token": "t",
      "github.repository": "acme/models",
      "github.repository_owner": "acme",
      "github.event.repository.default_branch": "main",
      "github.event.workflow_run.head_branch": "change",
      "github.server_url": "https://github.com",
      "github.run_id": "4711",
      "github.event.pull_request.number": "7",
      "github.event.pull_request.base.sha": base,
      "github.event.pull_request.head.sha": head,
      "github.event.workflow_run.id": "4711",
      "github.event.workflow_run.head_sha": head,
      ...contexts,
    },
    env: {
      PATH: [join(folder, "bin"), dirname(process.execPath), process.env.PATH].join(":"),
      HOME: process.env.HOME,
      MENAGERIE_HOME: join(folder, "home"),
      FAKE_COMMENTS: join(folder, "comments.json"),
      FAKE_PULLS: join(folder, "pulls.json"),
    },
  });
}

test("a pull request is proven by the base's tool, samples and rules, and nothing that it brings runs outside of the sandboxes", async () => {
  const stacks = await start("prove.yml", "stacks");
  expect(stacks.outputs.names).toBe('["staging"]');
  const proof = await start("prove.yml", "prove");
  expect(proof.failed, JSON.stringify(proof.log)).toBe(true);
  const result = await readResult();
  const proven = Object.fromEntries(result.models.map((model) => [model.name, model]));
  expect(result.models.map(({ name, verdict }) => [name, verdict]).toSorted()).toEqual([
    ["iris", "differs"],
    ["multiplier", "equal"],
    ["speaker", "fails"],
  ]);
  expect(proven.iris?.answers?.requests).toBe(60);
  expect(proven.speaker?.because[0]).toMatch(/hostile has no wheel/);
  expect(existsSync(marker)).toBe(false);

  const posted = await start("prove.yml", "comment", { "needs.stacks.outputs.names": '["staging"]' });
  expect(posted.failed, JSON.stringify(posted.log)).toBe(false);
  const [comment] = JSON.parse(await readFile(join(folder, "comments.json"), "utf8")) as { body: string }[];
  expect(comment?.body).toMatch(/^<!-- menagerie-preview -->\n<!-- menagerie-prove -->\n## `staging`: not proven\n/);
  for (const { name, verdict } of result.models) expect(comment?.body).toContain(`${name}: ${verdict}`);
  // The picture of docs/prove.md is made so.
  const picture = process.env.PROOF_PICTURE;
  if (picture && comment) await writeFile(picture, commentPicture(comment.body));
});

test("its result is evidence, for and against, by a login that acts as operator and by the default branch's tool", async () => {
  await git("checkout", "-q", "main");
  const url = await operatorUrl(postgres.server);
  const stacks = await start("record-proof.yml", "stacks");
  expect(stacks.outputs.names).toBe('["staging"]');
  const recorded = await start("record-proof.yml", "record", { "secrets.MENAGERIE_DATABASE_URL": url });
  expect(recorded.failed, JSON.stringify(recorded.log)).toBe(false);
  expect(recorded.summary.trimEnd().split("\n").toSorted()).toEqual([
    expect.stringMatching(/^iris: evidence against content \w{12}$/),
    expect.stringMatching(/^multiplier: evidence for content \w{12}$/),
    "speaker: no evidence, because it was not asked",
  ]);
  const stored = await withClient(postgres.server, platformDatabase, (client) => latestEvidence(client, models));
  expect(stored.map(({ model, kind, passed }) => [model, kind, passed])).toEqual([
    ["iris", "proof", false],
    ["multiplier", "proof", true],
  ]);
  expect(existsSync(marker)).toBe(false);
});

test("a result that somebody changed on its way is not evidence", async () => {
  const file = join(folder, "artifacts/staging.json");
  const { models: proven, ...result } = await readResult();
  const forged = proven.map((model) => (model.name === "iris" ? { ...model, verdict: "equal" } : model));
  await writeFile(file, JSON.stringify({ ...result, models: forged }));
  const url = await operatorUrl(postgres.server);
  const refused = await start("record-proof.yml", "record", { "secrets.MENAGERIE_DATABASE_URL": url });
  expect([refused.failed, refused.log.record]).toEqual([true, expect.stringContaining("its numbers say differs")]);
  const stored = await withClient(postgres.server, platformDatabase, (client) => latestEvidence(client, ["iris"]));
  expect(stored).toMatchObject([{ passed: false }]);
});

async function readResult(): Promise<ProofResult> {
  return proofResult.parse(JSON.parse(await readFile(join(folder, "artifacts/staging.json"), "utf8")));
}

/** Address with the login of docs/prove.md: it acts as operator. */
async function operatorUrl(server: DatabaseServer): Promise<string> {
  const password = "of the prover";
  await withClient(server, platformDatabase, async (client) => {
    const { rowCount } = await client.query("SELECT 1 FROM pg_roles WHERE rolname = 'prover'");
    if (rowCount === 0) await client.query(`CREATE ROLE prover LOGIN PASSWORD '${password}' IN ROLE ${roles.operator}`);
  });
  return urlOf({ ...server, user: "prover", password }, platformDatabase);
}
