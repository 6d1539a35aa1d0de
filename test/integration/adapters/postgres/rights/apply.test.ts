import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { migrate } from "../../../../../src/adapters/postgres/migrate.ts";
import { applyRightsIn } from "../../../../../src/adapters/postgres/rights/apply.ts";
import { foundRights } from "../../../../../src/adapters/postgres/rights/catalog.ts";
import { platformRights } from "../../../../../src/adapters/postgres/rights/files.ts";
import { lackingRights } from "../../../../../src/adapters/postgres/rights/lacking.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { platformDatabase, platformSchemaName } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import type { Rights } from "../../../../../src/domain/rights/rights.ts";
import { kindOf } from "../../../../../src/local/postgresqlPlugin/provider.ts";
import earlierGrants from "../../../../../src/program/earlierGrants.json" with { type: "json" };
import { grantedRights } from "../../../../support/grantedRights.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";

/** The rights of the platform's roles on a real PostgreSQL: what the files say, and how they get there. */

let postgres: TestPostgres;
let rights: Rights;
/** Every entry of an access control list, as the files make them. */
let granted: string[];

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  rights = await platformRights();
  granted = await grantedRights(postgres.server);
});

afterAll(() => postgres.stop());

const sql = (text: string) => withClient(postgres.server, platformDatabase, (client) => client.query(text));
const apply = (wanted = rights) => applyRightsIn(postgres.server, platformSchemaName, wanted);
const found = () =>
  withClient(postgres.server, platformDatabase, (client) => foundRights(client, platformSchemaName, rights));
const lacking = () =>
  withClient(postgres.server, platformDatabase, (client) => lackingRights(client, platformSchemaName, rights));
const nothing = (): Rights => Object.fromEntries(Object.keys(rights).map((role) => [role, { database: "" }]));

describe("the files", () => {
  it("say the same to PostgreSQL itself", async () => {
    await apply(nothing());
    expect(await grantedRights(postgres.server)).toEqual([]);
    for (const role of Object.keys(rights)) {
      await sql(
        await readFile(join(import.meta.dirname, `../../../../../src/adapters/postgres/rights/${role}.sql`), "utf8"),
      );
    }
    expect(await grantedRights(postgres.server)).toEqual(granted);
    expect(await found()).toEqual(rights);
  });

  it("say what the grants said that were resources", async () => {
    await apply(nothing());
    const grant = kindOf("postgresql:index/grant:Grant");
    // A whole table first: its grant begins by revoking everything, columns too.
    const inOrder = Object.values(earlierGrants).sort((one, other) => rank(one) - rank(other));
    for (const inputs of inOrder) await grant.ensure(postgres.server, inputs);
    // Of what was there when grants were resources.
    const later =
      /^menagerie\.(?:traffic_\w+|rollout_traffic\w*|rollout_advance|set_traffic|draw_key|hashed_user|judgement\w*|verdict|sleep_\w+|audit|api_key\.r(?:ights|ole)|known_key|usage\w*|limit_window|settled_claim|console_link|expect_traffic|truss_reload|(?:api_key|organization)\.(?:requests|tokens)_per_\w+|store_usage|take_of_limits|token_limits)\b/;
    // The operator reads who patched what since patches have a history.
    const ofReaders = /^menagerie\.(?:development_deployment|truss_\w+)(?:\.\w+)?: menagerie_reader=/;
    const ofGuards =
      /: menagerie_(?:guard|console)=|^menagerie\.(?:(?:resumed_)?take\w*_back\w*|rollout_resume|rollout_advance|release_take_back|revert_taken_back|judgement_row|prune_judgements)\b/;
    expect(await grantedRights(postgres.server)).toEqual(
      granted.filter((each) => !later.test(each) && !ofGuards.test(each) && !ofReaders.test(each)),
    );
  });
});

const rank = ({ objectType }: { objectType: string }): number => (objectType === "column" ? 1 : 0);

describe("rights that somebody changed by hand", () => {
  beforeEach(() => apply());

  it.each<[string, string, object, string[]]>([
    [
      "a revoked table",
      "REVOKE SELECT ON menagerie.api_key FROM menagerie_api",
      { menagerie_api: { "table api_key": undefined } },
      ["menagerie_api: SELECT on table api_key"],
    ],
    [
      "a revoked column",
      "REVOKE UPDATE (status) ON menagerie.model_version FROM menagerie_api",
      {
        menagerie_api: {
          "table model_version":
            "INSERT (is_development, model_id, number, truss_hash), SELECT, UPDATE (image_digest, truss_hash)",
        },
      },
      ["menagerie_api: UPDATE (status) on table model_version"],
    ],
    [
      "a table that took its columns' rights along",
      "REVOKE INSERT ON menagerie.gate_evidence FROM menagerie_operator",
      { menagerie_operator: { "table gate_evidence": "SELECT" } },
      [
        `menagerie_operator: ${["evidence", "evidence_hash", "kind", "model", "passed", "suite", "truss_hash"]
          .map((column) => `INSERT (${column}) on table gate_evidence`)
          .join(", ")}`,
      ],
    ],
    [
      "the way into database and schema",
      "REVOKE CONNECT ON DATABASE menagerie FROM menagerie_reader; REVOKE USAGE ON SCHEMA menagerie FROM menagerie_reader",
      { menagerie_reader: { database: undefined, schema: undefined } },
      ["menagerie_reader: CONNECT on database, USAGE on schema"],
    ],
    [
      "a right more",
      "GRANT DELETE ON menagerie.model TO menagerie_api",
      { menagerie_api: { "table model": "DELETE, INSERT (name, organization_id), SELECT" } },
      [],
    ],
    [
      "a right in a column more, and one of the whole table that covers it",
      "GRANT UPDATE ON menagerie.truss_patch TO menagerie_api; GRANT SELECT (ops) ON menagerie.truss_patch TO menagerie_api",
      {
        menagerie_api: {
          "table truss_patch": "INSERT, SELECT, SELECT (ops), UPDATE, UPDATE (is_sealed, ops, requirements)",
        },
      },
      [],
    ],
    [
      "a right to give away",
      "GRANT SELECT ON menagerie.api_key TO menagerie_api WITH GRANT OPTION",
      { menagerie_api: { "table api_key": "SELECT WITH GRANT OPTION" } },
      [],
    ],
    [
      "a right for everybody",
      "GRANT SELECT ON menagerie.api_key TO PUBLIC; GRANT CONNECT ON DATABASE menagerie TO PUBLIC",
      { public: { database: "CONNECT", "table api_key": "SELECT" } },
      [],
    ],
  ])("%s is found and taken back", async (_what, change, difference, missing) => {
    await sql(change);
    expect(await lacking()).toEqual(missing);
    const expected = Object.fromEntries(
      Object.entries(rights).map(([role, own]) => {
        const changed = { ...own, ...(difference as Record<string, object>)[role] };
        return [role, Object.fromEntries(Object.entries(changed).filter(([, text]) => text !== undefined))];
      }),
    );
    expect(await found()).toEqual(expected);
    await apply();
    expect(await found()).toEqual(rights);
    expect(await grantedRights(postgres.server)).toEqual(granted);
  });

  it("by somebody whom a role gave a right to are taken back with it", async () => {
    await sql(`CREATE ROLE guest; GRANT SELECT ON menagerie.api_key TO menagerie_api WITH GRANT OPTION;
      SET ROLE menagerie_api; GRANT SELECT ON menagerie.api_key TO guest`);
    await apply();
    expect(await grantedRights(postgres.server)).toEqual(granted);
  });

  it("that another role than the owner gave are refused with who has them", async () => {
    await sql(`CREATE ROLE giver; GRANT USAGE ON SCHEMA menagerie TO giver;
      GRANT DELETE ON menagerie.model TO giver WITH GRANT OPTION;
      SET ROLE giver; GRANT DELETE ON menagerie.model TO menagerie_reader`);
    await expect(apply()).rejects.toThrow(
      'role menagerie_reader has DELETE on table model in schema "menagerie" by a grant of somebody else than the owner; revoke it',
    );
    await sql("REVOKE DELETE ON menagerie.model FROM giver CASCADE; REVOKE ALL ON SCHEMA menagerie FROM giver");
    await apply();
    expect(await grantedRights(postgres.server)).toEqual(granted);
  });

  it("in the database are left alone where the files do not say what they are", async () => {
    await sql("CREATE SCHEMA other AUTHORIZATION menagerie_owner");
    await applyRightsIn(postgres.server, "other", { menagerie_reader: { schema: "USAGE" } });
    expect(await lacking()).toEqual([]);
    await sql("DROP SCHEMA other");
  });

  it("in what somebody else made are nobody's business", async () => {
    await sql("CREATE TABLE menagerie.report (); GRANT SELECT ON menagerie.report TO menagerie_reader");
    await apply();
    expect(await grantedRights(postgres.server)).toContainEqual(
      expect.stringMatching(/^menagerie.report: menagerie_reader=r/),
    );
    await sql("DROP TABLE menagerie.report");
  });
});

describe("a change of rights", () => {
  it("takes no lock where nothing differs, so that nobody who holds one is waited for", async () => {
    await apply();
    await withClient(postgres.server, platformDatabase, async (other) => {
      await other.query("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('menagerie.grant', 0))");
      await apply();
      await other.query("ROLLBACK");
    });
  });

  it("at the same time as others ends as one after another", async () => {
    await Promise.all([apply(nothing()), apply(), apply(), apply(nothing()), migrate(postgres.server, silent, rights)]);
    await apply();
    expect(await grantedRights(postgres.server)).toEqual(granted);
  });

  it("leaves no moment without a right: what reads meanwhile, reads on", async () => {
    // A right is taken away and given again in each of these, because a table's REVOKE takes its columns' along.
    const more = {
      ...rights,
      menagerie_api: { ...rights.menagerie_api, "table truss_patch": "INSERT, SELECT, UPDATE" },
    };
    let done = false;
    const using = withClient(postgres.server, platformDatabase, async (client) => {
      await client.query("SET ROLE menagerie_api");
      let times = 0;
      for (; !done; times += 1) {
        await client.query("UPDATE menagerie.truss_patch SET ops = ops WHERE false");
        await client.query("SELECT FROM menagerie.api_key");
      }
      return times;
    });
    for (let round = 0; round < 20; round += 1) await apply(round % 2 === 0 ? more : rights);
    done = true;
    expect(await using).toBeGreaterThan(20);
  });
});
