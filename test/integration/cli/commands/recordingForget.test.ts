import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { organizationIdOf } from "../../../../src/adapters/postgres/models.ts";
import { ensurePredictionTables } from "../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { useExistingCluster } from "../../../../src/local/target.ts";
import { apiServer } from "../../../support/apiServer.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { storePredictions } from "../../../support/predictions.ts";
import { recordingOutput, writeStackOutputs } from "../../../support/stackOutputs.ts";

/** `menagerie recording forget` as its user runs it: in the tables, and in samples beside the stack's file and elsewhere. */

const schema = "recorded_iris";
let postgres: TestPostgres;
let folder: string;
let key: string;
const recipients = new Map<string, string>();

const inDatabase = <T>(work: (client: Client) => Promise<T>) => withClient(postgres.server, platformDatabase, work);

beforeAll(async () => {
  [postgres, folder] = await Promise.all([startPostgres(), mkdtemp(join(tmpdir(), "menagerie-forget-"))]);
  await makePlatformTables(postgres.server);
  key = await inDatabase(async (client) => {
    await ensurePredictionTables(client, schema, { readers: [roles.operator] });
    return (await createKey(client, { organizationId: await organizationIdOf(client, "admin") }, ["export"])).key;
  });
  for (const name of ["one", "two", "stranger"]) {
    const identity = await generateX25519Identity();
    recipients.set(name, await identityToRecipient(identity));
    await writeFile(join(folder, `${name}.key`), `${identity}\n`);
  }
  const layout = environmentLayout("local", join(folder, "home"));
  await useExistingCluster(layout, { kubeconfig: join(folder, "kubeconfig"), gatewayUrl: "http://127.0.0.1:1" });
  await writeStackOutputs(layout, { recordings: { iris: recordingOutput(schema) } });
});

afterAll(async () => {
  await Promise.all([postgres.stop(), rm(folder, { recursive: true, force: true })]);
});

/** Requests 0 to 3 are redacted, 4 and 5 are not; ada sent 1, 3 and 5. */
beforeEach(async () => {
  // No recorder has a key for pseudonyms.
  await writeFile(join(folder, "kubeconfig"), (await apiServer({})).exportConfig());
  await rm(join(folder, "samples"), { recursive: true, force: true });
  await rm(join(folder, "out"), { recursive: true, force: true });
  await Promise.all(["samples/iris", "out"].map((each) => mkdir(join(folder, each), { recursive: true })));
  await inDatabase(async (client) => {
    await client.query(`TRUNCATE ${schema}.inference_requests, ${schema}.inference_response`);
    await storePredictions(
      client,
      schema,
      Array.from({ length: 6 }, (_, n) => ({
        id: `r${n}`,
        at: new Date(Date.now() - 60_000 - n * 1_000),
        request: { user: n % 2 === 1 ? "ada" : "bob", values: [n] },
        response: { results: [n] },
      })),
    );
    await client.query(`UPDATE ${schema}.inference_requests SET redacted = request_id < 'r4'`);
  });
});

async function menagerie(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../../../src/cli/main.ts"), ...args], {
    cwd: folder,
    env: {
      ...process.env,
      MENAGERIE_HOME: join(folder, "home"),
      MENAGERIE_DATABASE_URL: urlOf(postgres.server, platformDatabase),
      MENAGERIE_API_KEY: key,
    },
  });
  const ended = once(child, "exit");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await ended) as [number | null];
  return { code, stdout, stderr };
}

const forget = (...args: string[]) => menagerie("recording", "forget", "iris", ...args);
const idsIn = async (file: string) =>
  (await readFile(join(folder, file), "utf8"))
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => (JSON.parse(line) as { id: string }).id)
    .sort();
const idsInTables = async () => {
  const query = `SELECT request_id AS id FROM ${schema}.inference_requests ORDER BY 1`;
  return (await inDatabase((client) => client.query<{ id: string }>(query))).rows.map(({ id }) => id);
};

async function exported(file: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await menagerie("sample", "export", "iris", "--all-organizations", "-o", file, ...args);
  expect(code, stderr).toBe(0);
}
const encryptedFor = (...names: string[]) => [
  ...["--unredacted", "--because", "a test"],
  ...names.flatMap((name) => ["--recipient", recipients.get(name) ?? ""]),
];

it("a value goes from the tables, from plain samples and from encrypted ones, which the same people can open", async () => {
  await exported("samples/iris/a.jsonl");
  await exported("out/b.age", ...encryptedFor("one", "two"));
  const args = ["--where", "user=ada", "--identity", "one.key"];
  const dry = await forget(...args, "--dry-run");
  expect(dry.code, dry.stderr).toBe(0);
  expect(dry.stderr).toContain(`${schema}: 3 requests`);
  expect(dry.stderr).toContain("samples/iris/a.jsonl: 2 requests");
  expect(dry.stderr).toContain("out/b.age: 1 request");
  expect(await idsIn("samples/iris/a.jsonl")).toEqual(["r0", "r1", "r2", "r3"]);

  const done = await forget(...args, "--yes", "--json");
  expect(done.code, done.stderr).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ deleted: 6, searched: 2, unsearched: [], exports: [] });
  expect(await idsInTables()).toEqual(["r0", "r2", "r4"]);
  expect(await idsIn("samples/iris/a.jsonl")).toEqual(["r0", "r2"]);
  expect((await readFile(join(folder, "out/b.age"))).subarray(0, 18).toString()).toBe("age-encryption.org");
  for (const identity of ["one.key", "two.key"]) {
    const checked = await menagerie("sample", "check", "out/b.age", "--identity", identity, "--json");
    expect(checked.code, checked.stderr).toBe(0);
    expect(JSON.parse(checked.stdout)).toMatchObject({ count: 1 });
  }
  expect((await menagerie("sample", "check", "samples/iris/a.jsonl")).code).toBe(0);
  // Nothing half-written, and the value is nowhere in the audit.
  expect(await readdir(join(folder, "samples/iris"))).toEqual(["a.jsonl"]);
  const { rows } = await inDatabase((client) =>
    client.query<{ what: string; details: object }>("SELECT what, details FROM menagerie.audit ORDER BY id"),
  );
  expect(rows.map(({ what }) => what).slice(-3)).toEqual(["recording.forget", "sample.forget", "sample.forget"]);
  expect(JSON.stringify(rows)).not.toContain("ada");
  // The rewritten samples are known: they can be forgotten in again.
  const again = await forget("--request", "r4", "--identity", "two.key", "--yes");
  expect(again.code, again.stderr).toBe(0);
  // Nothing was left in it.
  expect(await readdir(join(folder, "out"))).toEqual([]);
});

it("what a sample has is found where the tables no longer have it, and the other way round", async () => {
  await exported("samples/iris/a.jsonl");
  await inDatabase((client) =>
    client.query(`DELETE FROM ${schema}.inference_requests WHERE request_id IN ('r1', 'r2')`),
  );
  const { code, stderr } = await forget("--where", "user=ada", "--yes");
  expect(code, stderr).toBe(0);
  expect(await idsIn("samples/iris/a.jsonl")).toEqual(["r0", "r2"]);
  expect((await forget("--request", "r2", "--yes")).code).toBe(0);
  expect(await idsIn("samples/iris/a.jsonl")).toEqual(["r0"]);
  expect(await idsInTables()).toEqual(["r0", "r4"]);
});

it("samples that cannot be opened are named with what to do, after all others were served, and so are exports elsewhere", async () => {
  await exported("samples/iris/a.jsonl");
  await exported("out/stranger.age", ...encryptedFor("stranger"));
  await exported("out/away.jsonl", "--requests", "3");
  await rm(join(folder, "out/away.jsonl"));
  await cp(join(folder, "samples/iris/a.jsonl"), join(folder, "out/cut.jsonl"));
  const whole = await readFile(join(folder, "out/cut.jsonl"));
  await writeFile(join(folder, "out/cut.jsonl"), whole.subarray(0, whole.length - 20));
  await writeFile(join(folder, "out/README.md"), "Samples.\n");
  const { code, stdout, stderr } = await forget("--where", "user=ada", "--sample", "out", "--yes");
  expect(code).toBe(1);
  expect(stdout).toContain("deleted 5");
  expect(stderr).toContain("out/stranger.age is encrypted; add --identity FILE");
  expect(stderr).toMatch(/out\/cut\.jsonl:5: it breaks off in the middle/);
  expect(stderr).toContain("2 samples could not be searched: ");
  expect(stderr).not.toContain("README");
  expect(stderr).toMatch(
    /not found, so not searched[\s\S]*sha256:[0-9a-f]{12}… exported 20\S+ by .+ to \S+away\.jsonl, expires/,
  );
  // What is named as not searched is not named again as not found.
  expect(stderr).not.toMatch(/exported .* to \S+stranger\.age/);
  expect(await idsIn("samples/iris/a.jsonl")).toEqual(["r0", "r2"]);
  expect(await idsInTables()).toEqual(["r0", "r2", "r4"]);
});
