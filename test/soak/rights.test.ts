import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { createApp } from "../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../src/adapters/postgres/modelVersions.ts";
import { sqlState, withClient } from "../../src/adapters/postgres/server.ts";
import { type StateResource, stateResources } from "../../src/domain/engineState.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { type StackOfDatabase, startStackOfDatabase } from "../support/databaseStack/stack.ts";
import { type ApiUnderTest, startDevelopmentApi } from "../support/developmentApi.ts";
import { grantedRights } from "../support/grantedRights.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { startPredictor, type TestPredictor } from "../support/predictor.ts";
import { startRecorder, type TestRecorder } from "../support/recorder.ts";
import type { RightsStack } from "../support/rightsStack/program.ts";

/** How grants leave a stack that had them as resources: with the real engine, while everybody uses what they may. */

let postgres: TestPostgres;
let predictor: TestPredictor;
let stack: StackOfDatabase<RightsStack>;
let earlier: RightsStack;
let now: RightsStack;
/** The toolchain, where it is not there yet. */
const startWithin = 1_800_000;
const timeout = 900_000;

beforeAll(async () => {
  predictor = await startPredictor();
}, startWithin);

beforeEach(async () => {
  postgres = await startPostgres();
  stack = await startStackOfDatabase<RightsStack>(postgres.server, "test/support/rightsStack/program.ts");
  const folder = await stack.stateFiles("rights", {
    "item.sql": `CREATE TABLE item (id bigserial PRIMARY KEY, name text);
      CREATE TABLE model (name text PRIMARY KEY);
      CREATE VIEW shown AS SELECT name FROM item;`,
  });
  earlier = { folder, asEarlier: true };
  now = { folder, asEarlier: false };
}, startWithin);

afterEach(async () => {
  await stack.stop();
  await postgres.stop();
});

afterAll(() => predictor.stop());

const sql = (text: string, database = platformDatabase) =>
  withClient(postgres.server, database, (client) => client.query(text));

async function up(declared: RightsStack, ...more: string[]): Promise<string> {
  const { code, said } = await stack.run(["up", "--yes", "--skip-preview", ...more], declared);
  expect(code, said).toBe(0);
  return said;
}

/** What the next `up` would do, by operation, without what it leaves as it is. */
async function planned(declared: RightsStack): Promise<Record<string, string[]>> {
  const { code, said } = await stack.run(["preview", "--json"], declared);
  expect(code, said).toBe(0);
  const { steps } = JSON.parse(said.slice(said.indexOf("{"), said.lastIndexOf("}") + 1)) as {
    steps: { op: string; urn: string }[];
  };
  const shown = steps
    .filter(({ op, urn }) => !["same", "read"].includes(op) && !urn.includes("pulumi:pulumi:Stack::"))
    .map(({ op, urn }) => [op, urn.split("::").slice(2).join(" ").split("$").at(-1) ?? ""] as const)
    // What is done to components is done to the resources below them.
    .filter(([, what]) => !what.startsWith("menagerie:"));
  const byOp = Map.groupBy(shown, ([op]) => op);
  return Object.fromEntries([...byOp].map(([op, all]) => [op, all.map(([, what]) => what).sort()]));
}

const grant = "postgresql:index/grant:Grant";

async function resources(): Promise<readonly StateResource[]> {
  return stateResources(await stack.exported(["--show-secrets"]), "plain");
}

async function grants(): Promise<StateResource[]> {
  return (await resources()).filter(({ type }) => type === grant);
}

/** Password that the stack made up for a login. */
async function passwordOf(login: string): Promise<string> {
  const role = (await resources()).find(
    ({ type, outputs }) => type === "postgresql:index/role:Role" && outputs?.name === login,
  );
  return String(role?.outputs?.password);
}

const rolesOfStack = async (): Promise<string[]> =>
  (
    await sql(
      "SELECT rolname FROM pg_roles WHERE rolname ~ '^(menagerie|service|pipeline|shadow)_' ORDER BY 1",
      "postgres",
    )
  ).rows.map(({ rolname }) => rolname);

/** What each role does all the time, in one statement; nothing of it is kept. */
const uses: Readonly<Record<string, string>> = {
  menagerie_api: `UPDATE menagerie.truss_patch SET ops = ops, is_sealed = true WHERE false;
    INSERT INTO menagerie.model (name, organization_id) SELECT 'x', 1 WHERE false; SELECT FROM menagerie.deployment`,
  menagerie_deployer: "UPDATE menagerie.model_version SET status = status WHERE false; SELECT FROM menagerie.rollout",
  menagerie_reader: `SELECT FROM menagerie.deployment_range; SELECT FROM shadow_next_primary.inference_requests`,
  menagerie_migrator: "UPDATE menagerie.model_version SET proxy_model_version_id = NULL WHERE false",
  menagerie_operator: "SELECT prefix FROM menagerie.api_key; SELECT FROM shadow_next_primary.inference_response",
  menagerie_state: "SELECT FROM menagerie.release_schema",
  service_v1:
    "INSERT INTO item (name) SELECT 'x' WHERE false; SELECT FROM model; SELECT FROM shown; SELECT nextval('item_id_seq')",
  service_v2: "DELETE FROM item WHERE false; SELECT FROM model; SELECT FROM shown",
  pipeline_v1: "UPDATE model SET name = name WHERE false; SELECT FROM shown",
  pipeline_v2: "INSERT INTO item (name) SELECT 'x' WHERE false; SELECT FROM shown",
  shadow_next_primary: `SELECT request_id FROM shadow_next_primary.inference_requests;
    INSERT INTO shadow_next_primary.recording_losses SELECT gen_random_uuid(), 1, now(), 'x', 1, 'x' WHERE false`,
};

/** Everything that a stack's users do, from its start to its end. */
class Use {
  private readonly failures: string[] = [];
  private readonly counts = new Map<string, number>();
  private readonly running: Promise<void>[];
  private readonly api: ApiUnderTest;
  private readonly recorder: TestRecorder;
  private done = false;

  private constructor(api: ApiUnderTest, recorder: TestRecorder, app: string, passwords: ReadonlyMap<string, string>) {
    this.api = api;
    this.recorder = recorder;
    const post = async (url: string): Promise<void> => {
      const response = await fetch(url, {
        method: "POST",
        body: "{}",
        headers: { "content-type": "application/json" },
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`${url} answers ${response.status}`);
    };
    this.running = [
      this.repeat("predictions of the app", () => post(`${api.url}/models/${app}/predict`)),
      this.repeat("recorded predictions", () => post(`${recorder.origin}/v1/models/model:predict`)),
      ...Object.entries(uses).map(([role, text]) => this.repeat(role, () => use(role, passwords.get(role), text))),
    ];
  }

  static async start(): Promise<Use> {
    const passwords = new Map<string, string>();
    for (const role of Object.keys(uses)) {
      if (!withoutLogin.includes(role)) passwords.set(role, await passwordOf(role));
    }
    const digest = `sha256:${"0".repeat(64)}`;
    const app = await withClient(postgres.server, platformDatabase, async (client) => {
      await client.query("SET search_path = menagerie");
      await registerVersion(client, {
        model: "iris",
        organization: "admin",
        number: 1,
        hash: "h",
        digest,
        current: true,
      });
      return createApp(client, { zooModel: "iris", owner: "a@example.com" });
    });
    const api = await startDevelopmentApi({
      database: { server: postgres.server, password: passwords.get("menagerie_api") ?? "" },
      predictor: `http://${predictor.host}`,
    });
    const recorder = await startRecorder({
      postgres,
      predictor: predictor.host,
      schema: "shadow_next_primary",
      database: platformDatabase,
      makeTables: false,
      login: { user: "shadow_next_primary", password: passwords.get("shadow_next_primary") ?? "" },
    });
    return new Use(api, recorder, app.id, passwords);
  }

  /** Ends it, and answers what failed, and how often each user did something. */
  async end(): Promise<{ failures: string[]; least: number; stored: number; lost: number }> {
    this.done = true;
    await Promise.all(this.running);
    // The recorder stores what it has yet.
    await delay(2_000);
    const lost = await this.recorder.metric("menagerie_recorder_lost");
    const [row] = await this.recorder.query<{ stored: number }>(
      "SELECT count(*)::int AS stored FROM inference_requests",
    );
    await this.recorder.dispose();
    await this.api.stop();
    return {
      failures: [...new Set(this.failures)],
      least: Math.min(...this.counts.values()),
      stored: row?.stored ?? 0,
      lost,
    };
  }

  private async repeat(what: string, once: () => Promise<unknown>): Promise<void> {
    this.counts.set(what, 0);
    while (!this.done) {
      try {
        await once();
        this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
      } catch (error) {
        this.failures.push(`${what}: ${sqlState(error) ?? ""} ${error}`);
      }
      await delay(20);
    }
  }
}

/** Of rights as they were, those that this version gives too: it has tables of its own beside, and operators may do more with keys. */
const stillGiven = (rights: readonly string[]): string[] =>
  rights.filter((line) => !line.startsWith("menagerie.api_key"));

const withoutLogin = ["menagerie_migrator", "menagerie_operator", "menagerie_state"];

/** With a connection of its own, so that CONNECT counts, as the role by its login or as operators become it. */
async function use(role: string, password: string | undefined, text: string): Promise<void> {
  const login = password === undefined ? postgres.server : { ...postgres.server, user: role, password };
  await withClient(login, platformDatabase, async (client) => {
    if (password === undefined) await client.query(`SET ROLE ${role}`);
    await client.query(text);
  });
}

it("in two steps, and nobody is without a right for a moment", { timeout }, async () => {
  await up(earlier);
  const granted = await grantedRights(postgres.server);
  expect(granted.length).toBeGreaterThan(60);
  expect((await grants()).filter(({ retainOnDelete }) => retainOnDelete)).toEqual([]);
  const count = (await grants()).length;
  expect(count).toBe(71);
  // The file that the stack keeps instead of a cluster's Secret, what pseudonyms are made with, the logins of guard and console, and what the earlier
  // version had no inputs for.
  const first = await planned(now);
  expect(first).toEqual({
    create: [
      "kubernetes:core/v1:Secret next-primary",
      "postgresql:index/role:Role menagerie_console",
      "postgresql:index/role:Role menagerie_guard",
      "pulumi-nodejs:dynamic/menagerie:SecretValue menagerie_console",
      "pulumi-nodejs:dynamic/menagerie:SecretValue menagerie_guard",
      "pulumi-nodejs:dynamic/menagerie:SecretValue pseudonyms",
      "pulumi:providers:kubernetes cluster",
    ],
    update: [
      "pulumi-nodejs:dynamic/menagerie:PlatformSchema platform",
      "pulumi-nodejs:dynamic/menagerie:PredictionTables next-primary",
      "pulumi-nodejs:dynamic/menagerie:ReleaseState v1",
      "pulumi-nodejs:dynamic/menagerie:ReleaseState v2",
    ],
  });
  const users = await Use.start();
  await up(now);
  const given = await grantedRights(postgres.server);
  expect(given).toEqual(expect.arrayContaining(stillGiven(granted)));
  expect((await grants()).map(({ retainOnDelete }) => retainOnDelete)).toEqual(Array(count).fill(true));
  const second = await planned(now);
  expect(Object.keys(second)).toEqual(["delete"]);
  expect(second.delete?.every((what) => what.startsWith(grant))).toBe(true);
  await up(now);
  expect(await grantedRights(postgres.server)).toEqual(given);
  expect(await grants()).toEqual([]);
  expect(await planned(now)).toEqual({});
  const { failures, least, stored, lost } = await users.end();
  expect(failures).toEqual([]);
  expect(lost).toBe(0);
  expect(least).toBeGreaterThan(50);
  expect(stored).toBeGreaterThan(50);

  // By hand, from then on.
  await sql(`REVOKE SELECT ON menagerie.api_key FROM menagerie_api; GRANT DELETE ON menagerie.model TO menagerie_reader;
    REVOKE SELECT ON v1.shown FROM service_v1; REVOKE CONNECT ON DATABASE menagerie FROM shadow_next_primary`);
  // The Secret is a file, which no refresh finds.
  const holders = (await resources()).filter(
    ({ type, outputs }) => type.startsWith("pulumi-nodejs:") && outputs?.rights,
  );
  const targets = holders.flatMap(({ urn }) => ["--target", urn]);
  expect(targets.length).toBe(8);
  const drift = await stack.run(["refresh", "--yes", "--diff", ...targets], now);
  expect(drift.code, drift.said).toBe(0);
  for (const shown of ["table api_key", "DELETE", "table shown", "database"]) expect(drift.said).toContain(shown);
  expect((await planned(now)).update?.length).toBe(3);
  await up(now);
  expect(await grantedRights(postgres.server)).toEqual(given);

  const destroyed = await stack.run(["destroy", "--yes", "--skip-preview"], now);
  expect(destroyed.code, destroyed.said).toBe(0);
  expect(await rolesOfStack()).toEqual([]);
});

it("a partial run is refused before the first step, and leaves all as it is between the two", { timeout }, async () => {
  // As a model, it is nothing that grants depend on: for such a target the engine asks for those, too.
  const secret = "menagerie:shadow:PredictionStore$kubernetes:core/v1:Secret::next-primary";
  const partial = ["--target", `urn:pulumi:tried::menagerie::${secret}`];
  await up(earlier);
  const granted = await grantedRights(postgres.server);
  const urns = async () => (await resources()).map(({ urn }) => urn);
  const before = await urns();
  const refused = await stack.run(["up", "--yes", "--skip-preview", ...partial], now);
  expect(refused.code).not.toBe(0);
  expect(refused.said).toContain("run `up` once without --target and --exclude");
  expect(await urns()).toEqual(before);
  await up(now);
  const given = await grantedRights(postgres.server);
  expect(given).toEqual(expect.arrayContaining(stillGiven(granted)));
  await up(now, ...partial);
  expect((await grants()).length).toBe(71);
  await up(now);
  expect(await grants()).toEqual([]);
  expect(await grantedRights(postgres.server)).toEqual(given);
});

it.each<[string, number, () => Promise<unknown>]>([
  ["the earlier version", 13, () => up(earlier)],
  ["the first step", 14, () => up(earlier).then(() => up(now))],
  [
    "this version alone, which never has grants",
    14,
    () => up(now).then(async () => expect(await grants()).toEqual([])),
  ],
])("what %s left is destroyed, roles and all", { timeout }, async (_what, count, made) => {
  await made();
  expect((await rolesOfStack()).length).toBe(count);
  const { code, said } = await stack.run(["destroy", "--yes", "--skip-preview"], now);
  expect(code, said).toBe(0);
  expect(await rolesOfStack()).toEqual([]);
  expect((await sql("SELECT FROM pg_database WHERE datname = 'menagerie'", "postgres")).rowCount).toBe(0);
});
