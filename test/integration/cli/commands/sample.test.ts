import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { organizationIdOf } from "../../../../src/adapters/postgres/models.ts";
import { ensurePredictionTables } from "../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import type { SampleHeader } from "../../../../src/domain/samples/format.ts";
import { given } from "../../../../src/environment/given.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { useExistingCluster } from "../../../../src/local/target.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { type StoredPrediction, storePredictions } from "../../../support/predictions.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { recordingOutput, writeStackOutputs } from "../../../support/stackOutputs.ts";

/** `menagerie sample` as its user runs it, on the platform's own tables and roles. */

const token = `ghp_${"aB3dE5gH".repeat(5)}`;
let postgres: TestPostgres;
let predictor: TestPredictor;
let folder: string;
let keys: Record<"exporting" | "predicting" | "ofOthers", string>;
let organizations: Record<"admin" | "acme", string>;

const inDatabase = <T>(work: (client: Client) => Promise<T>) => withClient(postgres.server, platformDatabase, work);

beforeAll(async () => {
  [postgres, predictor, folder] = await Promise.all([
    startPostgres(),
    startPredictor(),
    mkdtemp(join(tmpdir(), "menagerie-samples-")),
  ]);
  await makePlatformTables(postgres.server);
  await inDatabase(async (client) => {
    await client.query("INSERT INTO menagerie.organization (name) VALUES ('acme')");
    const keyOf = async (organization: string, rights: readonly "export"[]) =>
      (await createKey(client, { organizationId: await organizationIdOf(client, organization) }, rights)).key;
    organizations = {
      admin: await organizationIdOf(client, "admin"),
      acme: await organizationIdOf(client, "acme"),
    };
    keys = {
      exporting: await keyOf("admin", ["export"]),
      predicting: await keyOf("admin", []),
      ofOthers: await keyOf("acme", ["export"]),
    };
    const at = (n: number) => new Date(Date.now() - 60_000 - n * 1_000);
    const some = (count: number, request: unknown, whose?: (n: number) => string | undefined): StoredPrediction[] =>
      Array.from({ length: count }, (_, n) => ({
        id: `r${n}`,
        at: at(n),
        request,
        status: n === 0 ? 500 : 200,
        response: { results: [n] },
        ...given({ organization: whose ? whose(n) : organizations.admin }),
      }));
    const store = async (schema: string, predictions: readonly StoredPrediction[], redacted: boolean) => {
      await ensurePredictionTables(client, schema, { readers: [roles.operator] });
      await storePredictions(client, schema, predictions);
      await client.query(`UPDATE ${schema}.inference_requests SET redacted = $1`, [redacted]);
    };
    await store("redacted", some(60, { user: "redacted:0123456789abcdef01234567", values: [1] }), true);
    await store("plain", some(3, { user: "ada@example.com", big: "12345678901234567890" }), false);
    await store("leaky", some(2, { note: `use ${token}`, user: "ada@example.com" }), true);
    const shared = (n: number) => (n < 3 ? organizations.acme : n < 5 ? organizations.admin : undefined);
    await store("shared", some(6, { values: [1] }, shared), true);
    await store(
      "nobodys",
      some(2, { values: [1] }, () => undefined),
      true,
    );
    await store("leaky_plain", some(2, { note: `use ${token}` }), false);
  });
});

afterAll(async () => {
  await Promise.all([postgres.stop(), predictor.stop(), rm(folder, { recursive: true, force: true })]);
});

async function menagerie(args: readonly string[], key = keys.exporting, home = folder) {
  const child = start(args, key, home);
  const ended = once(child, "exit");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await ended) as [number | null];
  return { code, stdout, stderr };
}

function start(args: readonly string[], key: string, home: string) {
  return spawn(process.execPath, [join(import.meta.dirname, "../../../../src/cli/main.ts"), ...args], {
    cwd: folder,
    env: {
      ...process.env,
      MENAGERIE_HOME: home,
      MENAGERIE_DATABASE_URL: urlOf(postgres.server, platformDatabase),
      MENAGERIE_API_KEY: key,
    },
  });
}

const sample = (...args: string[]) => menagerie(["sample", ...args]);
const linesOf = async (file: string) => (await readFile(join(folder, file), "utf8")).trimEnd().split("\n");
const headerOf = async (file: string) => JSON.parse((await linesOf(file))[0] ?? "") as SampleHeader;

describe("who may export", () => {
  it.each<[string, () => string, string]>([
    ["nobody without a key", () => "", "MENAGERIE_API_KEY: missing"],
    ["no key that is unknown", () => `mng_AAAAAAAA_${"x".repeat(43)}`, "it is not a key of this environment"],
    ["no key without the right", () => keys.predicting, "does not have the right export"],
    ["no key of another organization", () => keys.ofOthers, "opens organization acme"],
  ])("%s", async (_, key, says) => {
    const { code, stderr } = await menagerie(["sample", "export", "redacted", "-o", "refused.jsonl"], key());
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
    expect(await readdir(folder)).not.toContain("refused.jsonl");
    const { rows } = await inDatabase((client) =>
      client.query("SELECT FROM menagerie.audit WHERE what = 'sample.export'"),
    );
    expect(rows).toHaveLength(0);
  });
});

it("a model of a stack has its rules in the sample, and its own key opens it and no other model", async () => {
  const home = join(folder, "home");
  const layout = environmentLayout("local", home);
  await useExistingCluster(layout, { kubeconfig: join(folder, "none"), gatewayUrl: "http://127.0.0.1:1" });
  await writeStackOutputs(layout, {
    recordings: { iris: recordingOutput("redacted", [{ kind: "email" }]), bare: recordingOutput("empty") },
  });
  const [ofIris, ofBare] = await inDatabase(async (client) => {
    await ensurePredictionTables(client, "empty", { readers: [roles.operator] });
    const keyOf = async (name: string) => {
      const { rows } = await client.query<{ id: string }>(
        `INSERT INTO menagerie.model (name, organization_id)
         SELECT $1, id FROM menagerie.organization WHERE is_admin RETURNING id`,
        [name],
      );
      return (await createKey(client, { modelId: rows[0]?.id ?? "" }, ["export"])).key;
    };
    return [await keyOf("iris"), await keyOf("bare")] as const;
  });
  const made = await menagerie(["sample", "export", "iris", "-o", "iris.jsonl"], ofIris, home);
  expect(made.code, made.stderr).toBe(0);
  expect(await headerOf("iris.jsonl")).toMatchObject({
    source: { name: "iris", kind: "zoo", schema: "redacted" },
    redaction: { rules: [{ kind: "email" }], unredacted: null },
  });
  const other = await menagerie(["sample", "export", "iris", "-o", "other.jsonl"], ofBare, home);
  expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("opens model bare of admin")]);
  const bare = await menagerie(["sample", "export", "bare", "-o", "bare.jsonl"], ofBare, home);
  expect([bare.code, bare.stderr]).toEqual([2, expect.stringContaining("bare has no rule of redaction")]);
});

describe("a redacted sample", () => {
  it("is fair, always the same, checked, in the audit, and replaced by force alone", async () => {
    const args = ["export", "redacted", "--requests", "10", "--stratify", "status"];
    const made = await sample(...args, "-o", "a.jsonl");
    expect(made.code, made.stderr).toBe(0);
    const header = await headerOf("a.jsonl");
    expect(header.strata).toEqual([
      { stratum: "status 200", recorded: 59, chosen: 9 },
      { stratum: "status 500", recorded: 1, chosen: 1 },
    ]);
    expect(header).toMatchObject({ count: 10, redaction: { unredacted: null }, source: { schema: "redacted" } });
    expect((await sample(...args, "-o", "b.jsonl")).code).toBe(0);
    expect((await linesOf("b.jsonl")).slice(1)).toEqual((await linesOf("a.jsonl")).slice(1));
    const again = await sample(...args, "-o", "a.jsonl");
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("a.jsonl already exists; ")]);
    expect((await sample(...args, "-o", "a.jsonl", "--force")).code).toBe(0);
    // Nothing half-written is left.
    expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);

    const { rows } = await inDatabase((client) =>
      client.query<{ details: { digest: string } }>(
        "SELECT details FROM menagerie.audit WHERE what = 'sample.export' ORDER BY id",
      ),
    );
    expect(rows).toHaveLength(4);
    expect(rows[1]?.details).toMatchObject({
      name: "redacted",
      organization: "admin",
      count: 10,
      digest: header.digest,
      recipients: [],
    });
    expect(JSON.stringify(rows)).not.toContain(keys.exporting.slice(13));

    expect((await sample("check", "a.jsonl")).code).toBe(0);
    const lines = await linesOf("a.jsonl");
    await writeFile(join(folder, "edited.jsonl"), `${lines.join("\n").replace("[1]", "[2]")}\n`);
    const edited = await sample("check", "edited.jsonl");
    expect([edited.code, edited.stderr]).toEqual([2, expect.stringContaining("were changed after the export")]);
  });

  it("is kept beside the stack's file, and replayed from there without comparing its answers", async () => {
    expect((await sample("add", "a.jsonl")).stderr).toContain("has no Pulumi.yaml");
    await writeFile(join(folder, "Pulumi.yaml"), "name: x\n");
    const added = await sample("add", "a.jsonl");
    expect(added.code, added.stderr).toBe(0);
    const { code, stdout, stderr } = await menagerie([
      ...["replay", "--sample", "samples/redacted/a.jsonl", "--json"],
      ...["--to", `http://${predictor.host}/v1/models/model:predict`],
    ]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      sent: 10,
      answered: 10,
      // One of them was answered 500 when it was recorded, which is not compared either: pseudonyms ask something else.
      redacted: 10,
      statusesOfRedacted: { 200: 10 },
      result: { pairs: 0, mismatches: 0, statuses: [], notJudged: { redacted: 10 } },
    });
    expect(predictor.seen).toHaveLength(10);
  });

  it("that Ctrl-C interrupts is not there, not even half of it", async () => {
    await inDatabase(async (client) => {
      await client.query("BEGIN; LOCK TABLE redacted.inference_response IN ACCESS EXCLUSIVE MODE");
      const child = start(["sample", "export", "redacted", "-o", "interrupted.jsonl"], keys.exporting, folder);
      const [ended, said] = [once(child, "exit"), text(child.stderr)];
      await expect.poll(async () => (await client.query("SELECT FROM pg_locks WHERE NOT granted")).rowCount).toBe(1);
      child.kill("SIGINT");
      // The command hears of it before the database answers.
      await delay(2_000);
      await client.query("ROLLBACK");
      const [code] = (await ended) as [number | null];
      expect(code).not.toBe(0);
      expect(await said).toContain("interrupted; no file was written");
    });
    expect((await readdir(folder)).filter((name) => name.includes("interrupted"))).toEqual([]);
  });

  it("with a key or an address in it is refused with places, never values", async () => {
    const { code, stdout, stderr } = await sample("export", "leaky", "-o", "leaky.jsonl");
    expect(code).toBe(2);
    expect(stderr).toContain("leaky: 2 values look like keys or passwords, at request note (2)");
    expect(stderr).toContain("leaky: 2 texts hold addresses of people, at request user (2)");
    expect(stdout + stderr).not.toMatch(new RegExp(`${token}|ada@example`));
    expect(await readdir(folder)).not.toContain("leaky.jsonl");
  });
});

describe("whose requests a sample has", () => {
  const lastAudit = async () => {
    const { rows } = await inDatabase((client) =>
      client.query<{ details: unknown }>(
        "SELECT details FROM menagerie.audit WHERE what = 'sample.export' ORDER BY id DESC LIMIT 1",
      ),
    );
    return rows[0]?.details;
  };

  it.each<[string, string[], string]>([
    ["shared", [], "shared has requests of acme (3), admin (2), nobody known (1); add --organization NAME"],
    ["nobodys", [], "nobodys has requests of nobody known (2); add --organization NAME"],
    ["shared", ["--organization", "globex"], 'there is no organization "globex"'],
    ["shared", ["--organization", "acme", "--all-organizations"], "exclude each other"],
  ])("has to be said of %s with %j", async (schema, options, says) => {
    const before = await lastAudit();
    const { code, stderr } = await sample("export", schema, "-o", "whose.jsonl", ...options);
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
    expect(await readdir(folder)).not.toContain("whose.jsonl");
    expect(await lastAudit()).toEqual(before);
  });

  it("one organization's, which is named", async () => {
    const { code, stdout, stderr } = await sample("export", "shared", "--organization", "acme", "-o", "acme.jsonl");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(", of organization acme\n");
    expect(stdout).toContain("left out: 3 of other organizations or of nobody known");
    expect(await headerOf("acme.jsonl")).toMatchObject({ count: 3, source: { organization: "acme" } });
    const ids = (await linesOf("acme.jsonl")).slice(1).map((line) => (JSON.parse(line) as { id: string }).id);
    expect(ids.sort()).toEqual(["r0", "r1", "r2"]);
    expect(await lastAudit()).toMatchObject({ organization: "acme", count: 3 });
    const none = await sample("export", "nobodys", "--organization", "acme", "-o", "none.jsonl");
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("(left out: 2 of others)")]);
  });

  it("everybody's, those of nobody known included", async () => {
    const { code, stdout, stderr } = await sample("export", "shared", "--all-organizations", "-o", "all.jsonl");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(", of every organization\n");
    expect(await headerOf("all.jsonl")).toMatchObject({ count: 6, source: { organization: null } });
    expect(await lastAudit()).toMatchObject({ organization: null, count: 6 });
    expect((await sample("check", "all.jsonl")).code).toBe(0);
  });

  it("is refused with what to do where the tables are of an earlier release", async () => {
    await inDatabase(async (client) => {
      await ensurePredictionTables(client, "older", { readers: [roles.operator] });
      await client.query("ALTER TABLE older.inference_requests DROP COLUMN organization");
    });
    const { code, stderr } = await sample("export", "older", "--all-organizations", "-o", "older.jsonl");
    expect([code, stderr]).toEqual([1, expect.stringContaining("schema older are those of an earlier release")]);
  });
});

describe("requests as users sent them", () => {
  it.each<[string[], string]>([
    [[], "plain has 3 requests as users sent them, and no redacted ones"],
    [["--unredacted"], "--unredacted and --because go together"],
    [["--unredacted", "--because", "a test"], "--unredacted needs --recipient"],
    [["--unredacted", "--because", "a test", "--recipient", "age1x"], "age1x is not a public key of age"],
  ])("leave by no %j", async (options, says) => {
    const { code, stderr } = await sample("export", "plain", "-o", "plain.age", ...options);
    expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
  });

  it("leave encrypted, and are opened by each recipient alone", async () => {
    const identities = await Promise.all([
      generateX25519Identity(),
      generateX25519Identity(),
      generateX25519Identity(),
    ]);
    const [one = "", two = "", stranger = ""] = identities;
    const recipients = await Promise.all([one, two].map(identityToRecipient));
    await Promise.all(
      Object.entries({ one, two, stranger }).map(([name, identity]) =>
        writeFile(join(folder, `${name}.key`), `# a key\n${identity}\n`),
      ),
    );
    const made = await sample(
      ...["export", "plain", "-o", "plain.age", "--unredacted", "--because", "an incident"],
      ...recipients.flatMap((recipient) => ["--recipient", recipient]),
    );
    expect(made.code, made.stderr).toBe(0);
    expect((await readFile(join(folder, "plain.age"))).includes("ada@example.com")).toBe(false);
    for (const name of ["one", "two"]) {
      const { code, stdout } = await sample("check", "plain.age", "--identity", `${name}.key`, "--json");
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        count: 3,
        addresses: 3,
        redaction: { unredacted: { because: "an incident" } },
      });
    }
    const replayed = await menagerie([
      ...["replay", "--sample", "plain.age", "--identity", "two.key", "--json"],
      ...["--to", `http://${predictor.host}/v1/models/model:predict`],
    ]);
    expect(JSON.parse(replayed.stdout)).toMatchObject({ sent: 3, result: { mismatches: 3 } });
    expect((await sample("check", "plain.age", "--identity", "stranger.key")).stderr).toContain("cannot be decrypted");
    expect((await sample("check", "plain.age")).stderr).toContain("plain.age is encrypted; add --identity");
    const { rows } = await inDatabase((client) =>
      client.query("SELECT details FROM menagerie.audit WHERE what = 'sample.export' ORDER BY id DESC LIMIT 1"),
    );
    expect(rows[0]?.details).toMatchObject({ recipients, unredacted: { because: "an incident" } });

    const leaky = await sample(
      ...[
        "export",
        "leaky_plain",
        "-o",
        "leaky.age",
        "--unredacted",
        "--because",
        "x",
        "--recipient",
        recipients[0] ?? "",
      ],
    );
    expect([leaky.code, leaky.stderr]).toEqual([2, expect.stringContaining("at request note (2)")]);
  });
});
