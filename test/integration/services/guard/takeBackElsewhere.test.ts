import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqlState, withClient } from "../../../../src/adapters/postgres/server.ts";
import { openTakeBacks } from "../../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { planZooMigration } from "../../../../src/adapters/postgres/zoo/migration/plan.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { goOn, takeBack } from "../../../../src/services/guard/takeBack.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { makeRollout, type TestRollout } from "../../../support/rolloutTables.ts";
import {
  type ApplicationApps,
  applicationServer,
  appsOf,
  type IdKind,
  idKinds,
  makeApplication,
} from "../../../support/takeBack/applicationApps.ts";
import { gatewayTable, tablePorts } from "../../../support/takeBack/gatewayTable.ts";
import { everyPoint, killedElsewhere } from "../../../support/takeBack/kill.ts";

/** A guard takes rollouts back whose apps are in the platform's tables and in an application's, each on a PostgreSQL of its own. */

let platform: TestPostgres;
let application: TestPostgres;

beforeAll(async () => {
  [platform, application] = await Promise.all([startPostgres(), startPostgres()]);
  await makePlatformTables(platform.server);
  await withClient(platform.server, platformDatabase, (client) => client.query(gatewayTable));
  await makeApplication(application.server);
}, 120_000);

afterAll(() => Promise.all([platform.stop(), application.stop()]));

const asGuardThere = <T>(work: Parameters<typeof withClient<T>>[2]) => {
  const server = applicationServer(application.server, "guard");
  return withClient(server, server.maintenanceDatabase, work);
};
const ports = (client: Parameters<typeof tablePorts>[0]) => tablePorts(client, undefined, asGuardThere);
const stateOf = (work: Promise<unknown>) => work.then(() => undefined, sqlState);

/** A rollout with so many apps on each side, all of them moved forward. */
async function movedForward(apps: number, kind?: IdKind): Promise<[TestRollout, ApplicationApps]> {
  const rollout = await makeRollout(platform.server, apps);
  const there = await appsOf(rollout, application.server, apps, kind);
  await rollout.move("forward");
  await there.move("forward");
  return [rollout, there];
}

async function openOne(rollout: TestRollout) {
  const found = (await rollout.asGuard(openTakeBacks)).find(({ model }) => model === rollout.model);
  if (!found) throw new Error("nothing is under way");
  return found;
}

const take = (rollout: TestRollout, change = {}) =>
  rollout.asGuard((client) => takeBack(ports(client), rollout.intent(change)));

describe("a take-back", () => {
  it.each(Object.keys(idKinds) as IdKind[])("moves apps of both databases back, ids being %s", async (kind) => {
    const [rollout, there] = await movedForward(9, kind);
    const id = idKinds[kind];
    const { table } = there.connection.existing;
    // Of these two, users have their own idea.
    await there.query(`UPDATE ${table} SET proxy_model_version_id = $2 WHERE id = $1`, [id(101), id(41)]);
    await there.query(`DELETE FROM ${table} WHERE id = $1`, [id(102)]);
    expect(await take(rollout)).toEqual({ state: "done" });
    expect([await rollout.moved(), await there.moved()]).toEqual([[], []]);
    const states = await there.query(
      `SELECT j.state, count(*)::integer AS count FROM menagerie_migrations.zoo_migration_row j
         JOIN menagerie_migrations.zoo_migration m ON m.id = j.migration_id WHERE m.target = $1 GROUP BY 1 ORDER BY 1`,
      [`"public"."${table}"`],
    );
    expect(states).toEqual([
      { state: "changed", count: 1 },
      { state: "deleted", count: 1 },
      { state: "reverted", count: 7 },
    ]);
    expect(await take(rollout)).toEqual({ state: "done" });
  });

  it("stops a forward in its middle, whose `up` ends with the sentence, as does every later one", async () => {
    const rollout = await makeRollout(platform.server, 0);
    const there = await appsOf(rollout, application.server, 30);
    let guarding: unknown;
    const up = there.move("forward", {
      batchRows: 3,
      between: async () => {
        guarding = await take(rollout);
      },
    });
    await expect(up).rejects.toThrow(/taken back at .*, so no app moves forward/);
    expect(guarding).toEqual({ state: "done" });
    expect(await there.moved()).toEqual([]);
    await expect(there.move("forward")).rejects.toThrow(
      /taken back at 20..-..-.. ..:.. UTC \(errors 12 of 180 against 3 of 1,620\), so no app moves forward; set phase: reverted/,
    );
    expect(await there.moved()).toEqual([]);
  });

  it("that comes before the first forward keeps it from beginning, and back stays allowed", async () => {
    const rollout = await makeRollout(platform.server, 0);
    const there = await appsOf(rollout, application.server, 3);
    expect(await take(rollout)).toEqual({ state: "done" });
    await expect(there.move("forward")).rejects.toThrow("so no app moves forward");
    expect(await there.move("reverted")).toMatchObject({ moved: 0 });
  });

  it("takes requests back while the apps' database is away, and the apps once it is there", async () => {
    const [rollout, there] = await movedForward(5);
    await application.crash();
    expect(await take(rollout)).toEqual({
      state: "cannot",
      why: expect.stringMatching(/^apps in "public"\."oracles_\d+": PostgreSQL .* cannot connect/),
    });
    expect(await rollout.moved()).toEqual([]);
    expect(await rollout.query("SELECT weight FROM public.gateway WHERE model = $1", [rollout.model])).toEqual([
      { weight: 0 },
    ]);
    await application.restart();
    const open = await openOne(rollout);
    expect(await rollout.asGuard((client) => goOn(ports(client), open))).toEqual({ state: "done" });
    expect(await there.moved()).toEqual([]);
  });

  it("names what it cannot move, and moves the others", async () => {
    const [rollout, there] = await movedForward(5);
    const { table } = there.connection.existing;
    await there.query(`CREATE FUNCTION refuse_${table}() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF OLD.id = 103 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$`);
    await there.query(
      `CREATE TRIGGER refuse BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse_${table}()`,
    );
    expect(await take(rollout)).toEqual({
      state: "cannot",
      why: `apps in "public"."${table}": 1 app stays on the new version: 103: not this one (SQLSTATE P0001)`,
    });
    expect(await there.moved()).toEqual(["103"]);
    await there.query(`DROP TRIGGER refuse ON ${table}`);
    const open = await openOne(rollout);
    expect(await rollout.asGuard((client) => goOn(ports(client), open))).toEqual({ state: "done" });
    expect(await there.moved()).toEqual([]);
  });

  it("without a login there stays open, and says so", async () => {
    const [rollout, there] = await movedForward(2);
    const { table } = there.connection.existing;
    expect(await rollout.asGuard((client) => takeBack(tablePorts(client), rollout.intent()))).toEqual({
      state: "cannot",
      why: `apps in "public"."${table}" are not taken back automatically: the guard has no login there`,
    });
    expect(await there.moved()).toHaveLength(2);
  });
});

describe("an operator who resumes", () => {
  const resume = async (rollout: TestRollout) => {
    const [row] = await rollout.query<{ id: string }>(
      `INSERT INTO menagerie.rollout_resume (take_back_id, who, reason)
       SELECT id, 'ada', 'a false alarm' FROM menagerie.take_back WHERE model_id = $1 RETURNING take_back_id AS id`,
      [rollout.modelId],
    );
    return row?.id ?? "";
  };
  const planned = async (rollout: TestRollout, { connection }: ApplicationApps) =>
    (await planZooMigration(connection, { name: rollout.model, from: "41", to: "57", direction: "forward" })).journaled;

  it("lets the apps go forward again with the next `up`, and not with one that does not know of it", async () => {
    const [rollout, there] = await movedForward(4);
    await take(rollout);
    const id = await resume(rollout);
    expect(await planned(rollout, there)).toMatchObject({ takeBack: id, direction: "reverted" });
    await expect(there.move("forward")).rejects.toThrow("so no app moves forward");
    expect(await there.move("forward", { resumes: id })).toMatchObject({ moved: 4, generation: 2 });
    expect((await planned(rollout, there))?.takeBack).toBeUndefined();
    // The take-back is over there too.
    const open = { id, table: `"public"."${there.connection.existing.table}"`, from: "41", to: "57" };
    const again = asGuardThere((client) =>
      client.query("SELECT * FROM menagerie_migrations.revert_taken_back($1, 'x', $2, $3, $4, 0, NULL, false)", [
        open.id,
        open.table,
        open.from,
        open.to,
      ]),
    );
    expect(await stateOf(again)).toBe("MG024");
  });

  it("lets go of what the guard only held", async () => {
    const [rollout, there] = await movedForward(4);
    expect(await take(rollout, { action: "hold" })).toEqual({ state: "done" });
    expect(await there.moved()).toHaveLength(4);
    expect(await planned(rollout, there)).toMatchObject({ held: true });
    const id = await resume(rollout);
    expect(await there.move("forward", { resumes: id })).toMatchObject({ moved: 0, state: "done" });
    expect(await planned(rollout, there)).toMatchObject({ held: false, direction: "forward" });
  });
});

describe("the guard's login in the apps' database", () => {
  it("runs one function, and nothing else", async () => {
    const rollout = await makeRollout(platform.server, 0);
    const there = await appsOf(rollout, application.server, 1);
    const { table } = there.connection.existing;
    const refused = [
      `SELECT FROM ${table}`,
      `UPDATE ${table} SET proxy_model_version_id = NULL`,
      `DELETE FROM ${table}`,
      `INSERT INTO ${table} VALUES (1, NULL)`,
      "SELECT FROM menagerie_migrations.zoo_migration",
      "UPDATE menagerie_migrations.zoo_migration SET paused_at = NULL",
      "SELECT FROM menagerie_migrations.zoo_migration_row",
      "DELETE FROM menagerie_migrations.zoo_migration_row",
      "SELECT FROM menagerie_migrations.take_back",
      "UPDATE menagerie_migrations.take_back SET resumed_at = now()",
      "SELECT FROM menagerie_migrations.guarded_table",
      `INSERT INTO menagerie_migrations.guarded_table VALUES ('pg_authid', 'oid', 'oid', 'rolsuper', 'bool')`,
      "SELECT menagerie_migrations.lock_pair('a', 'b', 'c')",
      "CREATE TABLE menagerie_migrations.mine (id int)",
      "CREATE SCHEMA mine",
      "SET ROLE migrator",
    ];
    for (const statement of refused) {
      expect(await stateOf(asGuardThere((client) => client.query(statement))), statement).toBe("42501");
    }
    const granted = await there.query(
      `SELECT p.proname AS name, p.prosecdef AS definer, pg_get_userbyid(p.proowner) AS owner, p.proconfig AS config
         FROM pg_proc p WHERE p.pronamespace = 'menagerie_migrations'::regnamespace
          AND p.prorettype <> 'trigger'::regtype AND has_function_privilege($1, p.oid, 'EXECUTE')`,
      [there.guardRole],
    );
    expect(granted).toEqual([
      { name: "revert_taken_back", definer: true, owner: "migrator", config: ["search_path=pg_catalog, pg_temp"] },
    ]);
  });

  it("takes back only in tables that an `up` has declared for it, and only what a migration moved there", async () => {
    const [rollout, there] = await movedForward(2);
    const { table } = there.connection.existing;
    await there.query(`INSERT INTO ${table} VALUES (900, 57)`);
    const call = (target: string, id: string, batch: number) =>
      asGuardThere((client) =>
        client.query("SELECT * FROM menagerie_migrations.revert_taken_back($1, 'x', $2, '41', '57', $3, NULL, true)", [
          id,
          target,
          batch,
        ]),
      );
    expect(await stateOf(call('"pg_catalog"."pg_authid"', "900001", 10))).toBe("MG024");
    expect(await stateOf(call(`"public"."${table}"; DROP TABLE ${table}`, "900001", 10))).toBe("MG024");
    expect(await stateOf(call(`"public"."${table}"`, "900002", 5_001))).toBe("22023");
    await take(rollout);
    expect(await there.moved()).toEqual(["900"]);
  });
});

it("a guard that is killed in the middle leaves nothing in between there either", async () => {
  const cut = await killedElsewhere(platform.server, application.server, everyPoint(4));
  expect(cut).toBeGreaterThanOrEqual(10);
});
