import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { closeDeployment, openDeployment } from "../../../../src/adapters/postgres/deployments.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import type { DeployedModel } from "../../../../src/domain/release/observed.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { trialsFolder } from "../../../../src/local/trial/place.ts";
import { hostProcesses } from "../../../local/support/menagerie.ts";
import { intentOf, run } from "../../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { putServer } from "../../local/trial/serverImage.ts";

/** `menagerie try` as its user runs it, with a record on a real PostgreSQL and images of a server that starts in a moment. */

let postgres: TestPostgres;
let home: string;
/** Numbers of two deployments, which differ in a variable. */
let deployments: { readonly old: string; readonly young: string; readonly gone: string };

const inDatabase = <T>(work: (client: Client) => Promise<T>) => withClient(postgres.server, platformDatabase, work);

beforeAll(async () => {
  [postgres, home] = await Promise.all([startPostgres(), mkdtemp(join(tmpdir(), "menagerie-try-"))]);
  await makePlatformTables(postgres.server);
  const image = await putServer(environmentLayout("local", home).images);
  const [url = "", digest = ""] = image.split("@");
  deployments = await inDatabase(async (client) => {
    await register(client, "echo", { url, digest });
    return {
      old: await deploy(client, digest, "old"),
      young: await deploy(client, digest, "young"),
      gone: await deploy(client, `sha256:${"0".repeat(64)}`, "gone"),
    };
  });
});

afterAll(async () => {
  await postgres.stop();
  await rm(home, { recursive: true, force: true });
});

/** Version 1 of a zoo model, whose truss reads a secret. */
async function register(client: Client, model: string, image: { url: string; digest: string }): Promise<void> {
  const resources = { cpu: "1", memory: "256Mi", gpus: 0 };
  const serving = { truss: "models/echo", mode: "Standard", pool: "cpu", env: {}, replicas: { min: 1, max: 1 } };
  await client.query(
    `WITH m AS (INSERT INTO menagerie.model (name, organization_id)
                SELECT $1, id FROM menagerie.organization WHERE is_admin RETURNING id)
     INSERT INTO menagerie.model_version (model_id, number, truss_hash, image_url, image_digest, is_current, serving)
     SELECT id, 1, $2, $3, $4, true, $5 FROM m`,
    [model, "c".repeat(64), image.url, image.digest, JSON.stringify({ ...serving, resources, secrets: ["token"] })],
  );
}

/** A whole `up` that serves the model with this variable. Answers the deployment's number. */
async function deploy(client: Client, digest: string, role: string): Promise<string> {
  const config = { zoo: { echo: { truss: "models/echo", phase: "done", env: { ROLE: role } } } };
  const served: DeployedModel = {
    name: "echo",
    version: 1,
    hash: "c".repeat(64),
    source: "zoo",
    service: "echo-v1",
    digest,
  };
  const intent = { ...(await intentOf(client, "local", { echo: 1 }, config)), planned: [served] };
  const id = await openDeployment(client, intent, run, async () => []);
  await closeDeployment(client, "local", id, async () => [served]);
  return id;
}

function start(args: readonly string[]): ChildProcess {
  const main = join(process.cwd(), "src", "cli", "main.ts");
  return spawn(process.execPath, [main, "try", ...args], {
    env: { ...process.env, MENAGERIE_HOME: home, MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres") },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function tried(...args: string[]) {
  const child = start(args);
  const ended = once(child, "close");
  const [stdout, stderr] = await Promise.all(
    [child.stdout, child.stderr].map((stream) => (stream ? text(stream) : "")),
  );
  const [code] = (await ended) as [number | null];
  return { code, stdout: stdout ?? "", stderr: stderr ?? "" };
}

async function secrets(): Promise<string[]> {
  const file = join(home, "secrets.yaml");
  await writeFile(file, "token: s3cret\n");
  return ["--secrets", file];
}

async function left(): Promise<string[]> {
  const folders = await readdir(trialsFolder(home)).catch(() => []);
  const inner = hostProcesses().filter(({ command }) => command.includes("trial/main.ts") && command.includes(home));
  return [...folders, ...inner.map(({ command }) => command)];
}

const asks = `
  const answer = await fetch(process.env.ECHO_URL, { method: "POST", body: "{}" });
  const { env, secrets } = await answer.json();
  console.log(env.ROLE, secrets.token);
  process.exitCode = 7;`;
const asking = ["--", process.execPath, "--input-type=module", "-e", asks];

it("runs a command with a release of before, and ends as that does", async () => {
  const file = await secrets();
  expect(await tried(deployments.old, ...file, ...asking)).toMatchObject({ code: 7, stdout: "old s3cret\n" });
  expect(await tried(deployments.young, ...file, ...asking)).toMatchObject({ code: 7, stdout: "young s3cret\n" });
  expect(await left()).toEqual([]);
});

it("stays until Ctrl-C, which is its usual end", async () => {
  const child = start([deployments.old, "--json", ...(await secrets())]);
  const ended = once(child, "close");
  const [line] = child.stdout ? await once(child.stdout, "data") : [];
  const { release, url, models } = JSON.parse(String(line));
  expect(models).toEqual([
    expect.objectContaining({ name: "echo", url: `${url}/serving/models/echo/v1/models/model:predict` }),
  ]);
  expect(release).toBe("release-1");
  const answer = await fetch(models[0].url, { method: "POST", body: '{"a": 1}' });
  expect([answer.status, ((await answer.json()) as { echo: unknown }).echo]).toEqual([200, { a: 1 }]);
  expect((await fetch(`${url}/serving/models/other/v1/models/model:predict`)).status).toBe(404);
  child.kill("SIGINT");
  expect((await ended)[0]).toBe(0);
  expect(await left()).toEqual([]);
});

it("leaves nothing where it is killed", async () => {
  const child = start([deployments.old, "--json", ...(await secrets())]);
  if (child.stdout) await once(child.stdout, "data");
  expect(await left()).not.toEqual([]);
  child.kill("SIGKILL");
  await expect.poll(left).toEqual([]);
});

it("names what is missing: a secret, an image, a model, a release", async () => {
  expect(await tried(deployments.old)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('secret "token" has no value, and echo reads it; give it by --secrets FILE'),
  });
  expect(await tried(deployments.gone, ...(await secrets()))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("is gone: no image store of this machine has it"),
  });
  const model = await tried(deployments.old, "--model", "nobody");
  expect(model).toMatchObject({ code: 2, stderr: expect.stringContaining("it has echo") });
  expect(await tried("release-9")).toMatchObject({ code: 2, stderr: expect.stringContaining("release-9") });
  expect(await left()).toEqual([]);
});
