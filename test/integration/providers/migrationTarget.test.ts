import * as pulumi from "@pulumi/pulumi";
import type { ClientBase } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../../src/adapters/postgres/modelVersions.ts";
import { type DatabaseServer, urlOf, withClient } from "../../../src/adapters/postgres/server.ts";
import { resumeRollout } from "../../../src/adapters/postgres/takeBack/resume.ts";
import { setPaused } from "../../../src/adapters/postgres/zoo/migration/journal.ts";
import { runMigration } from "../../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget } from "../../../src/adapters/postgres/zoo/migration/target.ts";
import { recordPhase, recordRemoval } from "../../../src/adapters/postgres/zoo/rollouts.ts";
import { setTraffic } from "../../../src/adapters/postgres/zoo/traffic.ts";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { platformDatabase, roles } from "../../../src/domain/platformDatabase.ts";
import { silent } from "../../../src/domain/progress.ts";
import type { Phase } from "../../../src/domain/zoo/phases.ts";
import { suiteOf } from "../../../src/domain/zoo/smoke.ts";
import { Environment } from "../../../src/environment/environment.ts";
import { plain } from "../../../src/local/postgresqlPlugin/wire.ts";
import { leaveSentences } from "../../../src/plan/leave.ts";
import { withMigrations } from "../../../src/plan/migrations.ts";
import { withMigrationTarget } from "../../../src/plan/migrationTarget.ts";
import { planPlatform } from "../../../src/plan/platform.ts";
import { planZoo } from "../../../src/plan/zoo.ts";
import { deployEnvironment } from "../../../src/program.ts";
import { delegateOf } from "../../../src/providers/registry.ts";
import { zooMigration } from "../../../src/resources/zooMigration.handler.ts";
import { zooRollout } from "../../../src/resources/zooRollout.handler.ts";
import { takeBack } from "../../../src/services/guard/takeBack.ts";
import { irisServing } from "../../support/irisServing.ts";
import { makePlatformTables, rolePassword } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { gatewayTable, tablePorts } from "../../support/takeBack/gatewayTable.ts";

/**
 * A rollout whose apps are in a Django application's database: planned, declared and handled, on a real PostgreSQL, with a
 * login that has the grants of docs/migrations.md and no more.
 */

let postgres: TestPostgres;
/** As the migrator's login reaches the application's database. */
let application: DatabaseServer;
/** Platform's id of each model's old version. */
const oldOf = new Map<string, string>();

const smoke = [{ input: { values: ["2"] }, output: { results: [6] }, tolerance: 0 }];
const hash = (digit: number): string => String(digit).repeat(64);
const guardOfApps = {
  user: "guard",
  password: "guard",
  host: "db",
  port: 5432,
  sslMode: "disable",
  maintenanceDatabase: "application",
} as const;
/** Ids of the kind that an application may use. */
const kinds = {
  bigint: (n: number) => String(n),
  integer: (n: number) => String(n),
  uuid: (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
  varchar: (n: number) => `version-${n}`,
} as const;
type Kind = keyof typeof kinds;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  const { server } = postgres;
  await withClient(server, "postgres", async (client) => {
    await client.query("CREATE DATABASE application");
    await client.query("CREATE ROLE migrator LOGIN PASSWORD 'migrator'");
  });
  await withClient(server, "application", async (client) => {
    await client.query("CREATE SCHEMA menagerie_migrations AUTHORIZATION migrator");
    for (const kind of Object.keys(kinds) as Kind[]) await makeApplicationTable(client, kind);
  });
  application = { ...server, user: "migrator", password: "migrator", maintenanceDatabase: "application" };
  process.env.MENAGERIE_DATABASE_URL = urlOf(server, "postgres");
});

afterAll(async () => {
  delete process.env.MENAGERIE_DATABASE_URL;
  await postgres.stop();
});

/** Models stand nowhere any more: a stack that does not declare them is refused otherwise. */
afterEach(async () => {
  for (const model of oldOf.keys()) await onPlatform((client) => recordRemoval(client, model));
  oldOf.clear();
  state.clear();
});

const tableOf = (kind: Kind) => `oracles_${kind}`;

/** As Django's migrations make it: deferred foreign key, an index for each, and that which migrations ask for. */
async function makeApplicationTable(client: ClientBase, kind: Kind): Promise<void> {
  const [table, type, id] = [tableOf(kind), kind === "varchar" ? "varchar(40)" : kind, kinds[kind]];
  await client.query(`CREATE TABLE ${table} (id ${type} PRIMARY KEY, name varchar(255) NOT NULL, modified timestamptz NOT NULL,
    user_id bigint NOT NULL, organization_id bigint NOT NULL,
    proxy_model_version_id ${type} REFERENCES ${table} (id) DEFERRABLE INITIALLY DEFERRED)`);
  await client.query(`CREATE INDEX ON ${table} (proxy_model_version_id, id)`);
  const insert = (n: number, user: number, proxy: number | null) =>
    client.query(`INSERT INTO ${table} VALUES ($1, $2, now(), $3, $4, $5)`, [
      ...[id(n), `version ${n}`, user, user % 4],
      proxy === null ? null : id(proxy),
    ]);
  for (const zoo of [41, 57, 63]) await insert(zoo, 0, null);
  for (let app = 101; app <= 112; app += 1) await insert(app, app % 5, app % 6 === 0 ? 63 : 41);
  await client.query(`GRANT SELECT (id, proxy_model_version_id, user_id, organization_id), UPDATE (proxy_model_version_id)
    ON ${table} TO migrator`);
}

const inApplication = <T extends object>(sql: string) =>
  withClient(postgres.server, "application", async (client) => (await client.query<T>(sql)).rows);
const pointers = async (kind: Kind) =>
  Object.fromEntries(
    (
      await inApplication<{ proxy: string; rows: number }>(
        `SELECT proxy_model_version_id AS proxy, count(*)::integer AS rows FROM ${tableOf(kind)}
          WHERE proxy_model_version_id IS NOT NULL GROUP BY 1`,
      )
    ).map(({ proxy, rows }) => [String(proxy), rows]),
  );

function onPlatform<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
  return withClient(postgres.server, platformDatabase, work);
}

/** A model whose rollout is in phase `version`, its copy tested. */
async function inVersion(model: string): Promise<void> {
  const register = (number: number) =>
    onPlatform((client) =>
      registerVersion(client, {
        model,
        organization: "admin",
        number,
        hash: hash(number),
        current: true,
        serving: irisServing,
        digest: `sha256:${hash(number)}`,
        url: `registry/${model}`,
      }),
    );
  const old = await register(1);
  oldOf.set(model, old);
  const gates = [{ kind: "smoke", suite: suiteOf(smoke) }];
  const record = { model, organization: "admin", from: old, hash: hash(2), gates, bakeSeconds: 0 };
  for (const phase of ["copy", "version"] as const) {
    await onPlatform((client) => recordPhase(client, { ...record, phase }));
  }
  await register(2);
  const { recordEvidence } = await import("../../../src/adapters/postgres/zoo/gateEvidence.ts");
  const evidence = { ...gates[0], model, hash: hash(2), passed: true, evidence: {} };
  await onPlatform((client) => recordEvidence(client, { kind: "smoke", suite: "", ...evidence }));
}

interface Asked {
  readonly model: string;
  readonly phase: Phase;
  readonly kind: Kind;
  readonly apps?: object;
  readonly change?: object;
  readonly target?: object;
  /** By which the guard reaches the table. @default it has no login there */
  readonly guardUrl?: string;
}

const rolloutOf = ({ model, phase, kind, apps, change }: Asked) => ({
  [model]: {
    truss: "models/iris",
    phase,
    from: oldOf.get(model),
    smoke,
    bake: { minutes: 0, smoke: false },
    apps: apps ?? { from: kinds[kind](41), to: kinds[kind](57) },
    ...change,
  },
});

/** What the entry of a stack reads and plans. */
async function planned(asked: Asked, others: object = {}) {
  const table = { table: tableOf(asked.kind), userColumn: "user_id", organizationColumn: "organization_id" };
  const raw = {
    zoo: { ...rolloutOf(asked), ...others },
    migrationTarget: { ...table, ...asked.target, guardUrl: asked.guardUrl },
  };
  const spec = parseEnvironment(raw, { gatewayUrl: "http://gateway", databaseAddress: "127.0.0.1:1" });
  const { server } = postgres;
  const own = await planPlatform(spec, {
    url: urlOf(server, "postgres"),
    password: undefined,
    preview: true,
    lastOutputs: async () => ({}),
  });
  const configUrl = urlOf(application, "application");
  const platform = await withMigrationTarget(spec, own, {
    environmentUrl: undefined,
    configUrl,
    guardUrl: asked.guardUrl,
    preview: true,
    stack: "staging",
  });
  const hashes = new Map([["models/iris", hash(2)]]);
  const smokeSets = new Map(Object.keys(spec.zoo).map((name) => [name, smoke]));
  const zoo = await withMigrations(
    planZoo(spec, { platform, hashes, secretsOf: () => [], smoke: smokeSets }),
    platform,
  );
  return { spec, platform, zoo };
}

const lines = async (asked: Asked) => (await planned(asked)).zoo.get(asked.model)?.lines ?? [];

/** Declares what is planned, and has the real handlers do what concerns the rollout, in its order. */
async function up(asked: Asked): Promise<Record<string, unknown>[]> {
  const { spec, platform, zoo } = await planned(asked);
  const declared: { type: string; name: string; inputs: Record<string, unknown> }[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs, id }) {
        declared.push({ type, name, inputs: plain(inputs) as Record<string, unknown> });
        return {
          id: id || name,
          state: { ...inputs, url: "registry/x", digest: "sha256:x", since: "", versionId: "1" },
        };
      },
      call: ({ inputs }) => inputs,
    },
    "menagerie",
    "test",
  );
  const trussHashes = new Map([["models/iris", hash(2)]]);
  const facts = { trussHashes, zoo, platform, development: new Map(), serviceHash: "x", release: undefined };
  deployEnvironment(new Environment(spec, facts));
  await pulumi.runtime.disconnect();
  const outs: Record<string, unknown>[] = [];
  for (const kind of ["zooRollout", "zooMigration"]) {
    for (const { type, name, inputs } of declared) {
      if (!type.toLowerCase().endsWith(`:${kind.toLowerCase()}`)) continue;
      const ran = await converge(kind, name, inputs);
      if (kind === "zooMigration" && ran) outs.push(ran);
    }
  }
  return outs;
}

/** Resources of the tests' stack. */
const state = new Map<string, Record<string, unknown>>();

/** What the engine does with a resource: creates it, updates it where it differs, or leaves it; answers what ran. */
async function converge(kind: string, name: string, inputs: Record<string, unknown>) {
  const key = `${kind} ${name}`;
  const provider = delegateOf(kind);
  const known = state.get(key);
  const { failures } = (await provider.check?.({}, inputs)) ?? {};
  expect(failures).toEqual([]);
  if (known && !(await provider.diff?.(name, known, inputs))?.changes) return undefined;
  const { outs } = known
    ? ((await provider.update?.(name, known, inputs)) ?? { outs: {} })
    : await provider.create(inputs);
  state.set(key, outs as Record<string, unknown>);
  return outs as Record<string, unknown>;
}

describe("a rollout whose apps are in an existing database", () => {
  const [model, kind] = ["iris", "bigint"] as const;
  const id = kinds[kind];
  const asked = (phase: Phase, change: object = {}): Asked => ({ model, phase, kind, change });

  it("moves them forward, is held by those that are left, and moves back what it moved", async () => {
    await inVersion(model);
    expect(await lines(asked("forward"))).toContain(
      `${tableOf(kind)}: 10 rows of 5 users move from ${id(41)} to ${id(57)}, about 1 s`,
    );
    const [own, there] = await up(asked("forward", { share: 1 }));
    expect([own, there].map((outs) => outs?.counts)).toEqual([
      expect.objectContaining({ forward: 0 }),
      expect.objectContaining({ forward: 0 }),
    ]);
    // Apps of the table count in what decides, as the platform's own do.
    await expect(planned(asked("bake"))).rejects.toThrow(
      /"bake" comes when all apps have moved, and 10 apps still point/,
    );
    await up(asked("forward"));
    expect(await pointers(kind)).toEqual({ [id(57)]: 10, [id(63)]: 2 });
    await up(asked("bake"));
    await inApplication(`UPDATE ${tableOf(kind)} SET proxy_model_version_id = '${id(41)}' WHERE id = '${id(101)}'`);
    await expect(planned(asked("done"))).rejects.toThrow(/"done" would remove version 1, and 1 app still points at/);
    const inputs = {
      model,
      phase: "done" as const,
      from: oldOf.get(model),
      hash: hash(2),
      gates: [],
      bakeSeconds: 0,
      apps: { from: id(41), to: id(57) },
      target: { schema: "public", table: tableOf(kind), idColumn: "id" },
      targetUrl: urlOf(application, "application"),
    };
    const target = { ...inputs.target, proxyColumn: "proxy_model_version_id" };
    await expect(zooRollout.create({ ...inputs, target })).rejects.toThrow(/"done" would remove version 1/);
    await inApplication(
      `INSERT INTO ${tableOf(kind)} VALUES ('${id(113)}', 'made on the new one', now(), 1, 1, '${id(57)}')`,
    );
    expect(await lines(asked("reverted"))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^version 2: served as before, 10 apps point at it/),
        `${tableOf(kind)}: 9 rows of 5 users move back from ${id(57)} to ${id(41)}, about 1 s`,
      ]),
    );
    await up(asked("reverted"));
    expect(await pointers(kind)).toEqual({ [id(41)]: 10, [id(57)]: 1, [id(63)]: 2 });
  });
});

it("rows of the table that are left in vain are told, and those that were pointed back are not", async () => {
  const [model, kind] = ["left", "uuid"] as const;
  const [id, table] = [kinds[kind], tableOf(kind)];
  const leave = [id(101), id(103), id(63), id(999), "none"];
  const asked: Asked = { model, phase: "forward", kind, change: { leave }, apps: { from: id(41), to: id(57) } };
  await inVersion(model);
  const told = async () => {
    const { spec, platform } = await planned(asked);
    return leaveSentences(spec, platform);
  };
  const at = (place: number) => `menagerie:zoo.left.leave[${place}]:`;
  const nobody = [3, 4].map((place) => `${at(place)} ${table} has no app "${leave[place]}"; correct it, or remove it`);
  // A version is no app: it points nowhere.
  const unmoved = [0, 1].map(
    (place) => `${at(place)} app ${leave[place]} was not moved yet, and phase forward moves it`,
  );
  expect(await told()).toEqual([
    ...unmoved.map((each) => `${each}; list it after its owner has pointed it back`),
    `${at(2)} ${table} has no app "${id(63)}"; correct it, or remove it`,
    ...nobody,
  ]);
  await up(asked);
  await inApplication(`UPDATE ${table} SET proxy_model_version_id = '${id(41)}' WHERE id = '${id(101)}'`);
  expect(await told()).toEqual([
    `${at(1)} app ${id(103)} points at version ${id(57)}, which is not the version that the rollout leaves; remove it`,
    `${at(2)} ${table} has no app "${id(63)}"; correct it, or remove it`,
    ...nobody,
  ]);
  await up({ ...asked, phase: "reverted" });
});

describe("rows that arrive at the old version after forward", () => {
  const [model, kind] = ["late", "integer"] as const;
  const id = kinds[kind];
  const table = tableOf(kind);
  const asked = (phase: Phase, change: object = {}): Asked => ({ model, phase, kind, change });
  const insert = (row: number) => inApplication(`INSERT INTO ${table} VALUES (${row}, 'late', now(), 1, 1, ${id(41)})`);

  it("are moved by the next up, which otherwise changes nothing; what was moved back stays where it is", async () => {
    await inVersion(model);
    await up(asked("forward"));
    expect(await up(asked("forward"))).toEqual([]);
    await insert(201);
    await insert(202);
    expect(await lines(asked("forward"))).toContain(
      `${table}: 2 rows of 1 user move from ${id(41)} to ${id(57)}, about 1 s`,
    );
    await expect(planned(asked("bake"))).rejects.toThrow("run `up` with phase: forward and share: 100 first");
    expect(await up(asked("forward"))).toMatchObject([{ counts: { forward: 12 } }]);
    expect(await up(asked("forward"))).toEqual([]);
    await up(asked("bake"));
    await insert(203);
    await expect(planned(asked("done"))).rejects.toThrow("1 app still points at version 1");
    expect(await up(asked("bake"))).toMatchObject([{ counts: { forward: 13 } }]);
    await inApplication(`UPDATE ${table} SET proxy_model_version_id = ${id(41)} WHERE id = 201`);
    expect(await up(asked("bake"))).toEqual([]);
  });

  it("stay there while a person has moved the rollout back, or holds it", async () => {
    await inVersion(model);
    await up(asked("forward"));
    const { platform } = await planned(asked("forward"));
    if (!platform?.target) throw new Error("there is no target");
    const { connection } = platform.target;
    const pair = { name: model, from: id(41), to: id(57) } as const;
    const reverted = await movingTarget(connection, (client, target) =>
      runMigration(client, target, { ...pair, direction: "reverted" }, { progress: silent }),
    );
    expect(reverted.moved).toBeGreaterThan(0);
    expect(await up(asked("forward"))).toEqual([]);
    expect(await lines(asked("forward"))).toContainEqual(
      expect.stringMatching(
        new RegExp(
          `move from ${id(41)} to ${id(57)}, about 1 s, but moved back by hand since, so they stay; move them by \`menagerie rollout forward --id ${id(41)} --to ${id(57)} --target Pulumi.staging.yaml\`$`,
        ),
      ),
    );
    await movingTarget(connection, (client, target) =>
      runMigration(client, target, { ...pair, direction: "forward" }, { progress: silent }),
    );
    await movingTarget(connection, (client, target) => setPaused(client, target, reverted.migrationId, true));
    const held = `held by hand as migration ${reverted.migrationId}: nothing moves until \`menagerie rollout resume --id ${reverted.migrationId} --target Pulumi.staging.yaml\``;
    await expect(planned(asked("reverted"))).rejects.toThrow(`menagerie:zoo.${model}.apps: ${held}`);
    await insert(204);
    expect((await lines(asked("forward"))).join("\n")).toContain(held);
    expect(await up(asked("forward"))).toEqual([]);
  });
});

describe("a rollout whose guard has a login with the apps", () => {
  const [model, kind] = ["guarded", "bigint"] as const;
  const judge = { control: 0, maxErrors: 0.05 };
  const guardUrl = urlOf(guardOfApps, "application");
  const asked = (change: object = {}, more: Partial<Asked> = {}): Asked => ({
    model,
    phase: "forward",
    kind,
    change: { judge, ...change },
    guardUrl,
    ...more,
  });
  const isTold = `apps in ${tableOf(kind)} are not taken back automatically`;
  beforeEach(() => inVersion(model));

  it("needs one that is there, that is not the migrations' own, and in the same database", async () => {
    await expect(planned(asked())).rejects.toThrow(
      `menagerie:migrationTarget.guardUrl: the database has no login "guard"; run CREATE ROLE "guard" LOGIN PASSWORD`,
    );
    const other = (change: object) =>
      planned(asked({}, { guardUrl: urlOf({ ...guardOfApps, ...change }, "application") }));
    await expect(other({ user: "migrator" })).rejects.toThrow(`names "migrator", the migrations' own login`);
    await expect(planned(asked({}, { guardUrl: urlOf(guardOfApps, "elsewhere") }))).rejects.toThrow(
      'names the database "elsewhere", and apps are in "application"',
    );
    const { guardUrl: _, ...without } = asked({ judge: { ...judge, action: "tell" } });
    expect(await lines(without)).toContain(isTold);
    await expect(planned({ ...without, change: { judge } })).rejects.toThrow(
      `menagerie:zoo.${model}.judge.action: "revert" would leave the apps`,
    );
  });

  it("gives it one function, and goes on after a false alarm where the guard moved the apps back", async () => {
    await inApplication("CREATE ROLE guard LOGIN PASSWORD 'guard'");
    await inApplication(`UPDATE ${tableOf(kind)} SET proxy_model_version_id = 41 WHERE proxy_model_version_id = 57`);
    const from = oldOf.get(model) ?? "";
    await onPlatform(async (client) => {
      await client.query(
        "UPDATE menagerie.model_version SET is_current = false WHERE model_id = (SELECT model_id FROM menagerie.model_version WHERE id = $1)",
        [from],
      );
      await client.query("UPDATE menagerie.model_version SET is_current = true WHERE id = $1", [from]);
      await createApp(client, { zooModel: model, owner: "ada@example.com" });
    });
    expect(await lines(asked())).not.toContain(isTold);
    await up(asked());
    const [held] = await onPlatform(async (client) => {
      const { rows } = await client.query<{
        apps: { table: string; from: string; to: string };
        model_id: string;
        to: string;
      }>(
        `SELECT r.target_apps AS apps, r.model_id, v.id AS "to" FROM menagerie.rollout r
           JOIN menagerie.model_version v ON v.model_id = r.model_id AND v.number = 2
          WHERE r.from_version_id = $1`,
        [from],
      );
      return rows;
    });
    expect(held?.apps).toEqual({ table: `"public"."${tableOf(kind)}"`, from: "41", to: "57" });
    const moved = async () => ({
      there: (await pointers(kind))["57"] ?? 0,
      own: await onPlatform(
        async (client) =>
          (await client.query("SELECT FROM menagerie.model_version WHERE proxy_model_version_id = $1", [held?.to]))
            .rowCount,
      ),
    });
    const all = await moved();
    expect(all).toMatchObject({ own: 1 });
    expect(all.there).toBeGreaterThan(0);

    await onPlatform((client) => setTraffic(client, { model, expected: undefined, weight: 100, by: "up" }));
    await onPlatform((client) => client.query(gatewayTable));
    const intent = { modelId: held?.model_id ?? "", from, to: held?.to ?? "", hash: hash(2), verdictId: "7" };
    const asGuard = { ...postgres.server, user: roles.guard, password: rolePassword };
    const outcome = await withClient(asGuard, platformDatabase, (client) =>
      takeBack(
        tablePorts(client, undefined, (work) =>
          withClient({ ...postgres.server, user: "guard", password: "guard" }, "application", work),
        ),
        { ...intent, action: "revert", reason: "errors 12 of 180 against 3 of 1,620" },
      ),
    );
    expect(outcome).toEqual({ state: "done" });
    expect(await moved()).toEqual({ there: 0, own: 0 });
    expect((await lines(asked())).filter((line) => line.endsWith(", taken back: nothing moves"))).toHaveLength(2);
    expect(await up(asked())).toEqual([]);

    await onPlatform((client) => resumeRollout(client, { model, who: "ada", because: "a false alarm" }));
    expect((await lines(asked())).filter((line) => /moves? from .* about 1 s$/.test(line))).toHaveLength(2);
    expect(await up(asked())).toHaveLength(2);
    expect(await moved()).toEqual(all);
    expect(await up(asked())).toEqual([]);
  });
});

it.each(["uuid", "varchar"] as const)("ids of type %s are as good", async (kind) => {
  const model = `iris_${kind}`;
  const id = kinds[kind];
  await inVersion(model);
  const asked = { model, phase: "forward", kind } as const;
  const table = tableOf(kind);
  expect(await lines(asked)).toContain(`${table}: 10 rows of 5 users move from ${id(41)} to ${id(57)}, about 1 s`);
  const { platform, zoo } = await planned(asked);
  const request = { ...zoo.get(model)?.targetApps?.migration, target: platform?.target?.connection.existing };
  const { outs } = await zooMigration.create({ ...request, targetUrl: platform?.target?.url } as never);
  expect(outs.counts).toMatchObject({ forward: 10 });
  expect(await pointers(kind)).toEqual({ [id(57)]: 10, [id(63)]: 2 });
});

describe("a preview refuses", () => {
  const model = "refused";
  const asked: Asked = { model, phase: "forward", kind: "bigint" };
  beforeEach(() => inVersion(model));

  const refused = async (change: Partial<Asked>, says: string | RegExp, others: object = {}) =>
    expect(planned({ ...asked, ...change }, others)).rejects.toThrow(says);

  it("ids that the table does not have, or that are none", async () => {
    await refused(
      { apps: { from: "999", to: "nobody" } },
      `menagerie:zoo.${model}.apps.from: ${tableOf("bigint")} has no version "999"; it was deleted, or the id is wrong\n` +
        `menagerie:zoo.${model}.apps.to: ${tableOf("bigint")} has no version "nobody"; it was deleted, or the id is wrong`,
    );
    await refused({ apps: { from: "41", to: "41" } }, `menagerie:zoo.${model}.apps: old and new version are both 41`);
  });

  it("a map that goes round, across models", async () => {
    await inVersion("other");
    await refused(
      {},
      /menagerie:zoo: refused: the map goes round, 41 → 57 → 41/,
      rolloutOf({
        model: "other",
        phase: "forward",
        kind: "bigint",
        apps: { from: "57", to: "41" },
      }),
    );
  });

  it("a new version whose own answers come from the old one", async () => {
    await inApplication(`UPDATE ${tableOf("bigint")} SET proxy_model_version_id = 41 WHERE id = 57`);
    await refused({}, `menagerie:zoo.${model}.apps: version 57 points at 41 itself`);
    await inApplication(`UPDATE ${tableOf("bigint")} SET proxy_model_version_id = NULL WHERE id = 57`);
  });

  it("a table that is not there, and grants that are missing, with the command", async () => {
    await refused(
      { target: { table: "nowhere" } },
      `menagerie:migrationTarget: "public"."nowhere": there is no such table`,
    );
    await refused(
      { target: { userColumn: "name" } },
      'may not read "name"; run GRANT SELECT ("name") ON "public"."oracles_bigint" TO "migrator";',
    );
  });
});
