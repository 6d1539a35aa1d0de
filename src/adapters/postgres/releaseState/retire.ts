import type { ClientBase } from "pg";
import { platformDatabase, roles } from "../../../domain/platformDatabase.ts";
import { quoteIdentifier } from "../identifier.ts";
import { type DatabaseServer, withClient } from "../server.ts";
import { actAs, inTransaction } from "../transaction.ts";
import { dumpState } from "./dump.ts";
import type { SeedingOptions } from "./ensure.ts";
import { readRelease, runElsewhere, usedByApps } from "./journal.ts";
import { refuse } from "./refusals.ts";

/** Which states a stack keeps and which it gives up. */
export interface RetirementSpec {
  /** Name of the stack. */
  readonly environment: string;
  readonly keep: readonly string[];
  readonly retire: readonly string[];
  /** Folder that they are dumped to before they are dropped; null for none. */
  readonly dumpTo: string | null;
}

/**
 * Marks what a stack gives up, in one transaction with the check that nothing refers to it by now. Nothing is dropped yet.
 */
export function markRetired(
  server: DatabaseServer,
  { environment, keep, retire, dumpTo }: RetirementSpec,
): Promise<void> {
  return withClient(server, platformDatabase, async (client) => {
    for (const references of [await runElsewhere(client, environment), await usedByApps(client, environment)]) {
      const held = retire.find((schema) => references.has(schema));
      if (held === undefined) continue;
      throw refuse("state.referenced", { held, references: references.get(held)?.join(", ") ?? "" });
    }
    await actAs(client, roles.state);
    await inTransaction(client, async () => {
      await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.release_use', 0))");
      for (const schema of retire) await requireUnreferenced(client, schema, retire);
      await client.query(
        "UPDATE menagerie.release_schema SET retired_at = NULL, dump_to = NULL WHERE name = ANY ($1)",
        [keep],
      );
      await client.query(
        `UPDATE menagerie.release_schema SET retired_at = coalesce(retired_at, now()), dump_to = $2 WHERE name = ANY ($1)`,
        [retire, dumpTo],
      );
    });
  });
}

/** Dumps the state where that is asked for and drops it, unless nobody gave it up. */
export function dropRetired(server: DatabaseServer, schema: string, options: SeedingOptions): Promise<void> {
  return withClient(server, platformDatabase, async (client) => {
    const release = await readRelease(client, schema);
    if (!release?.retired) return;
    if (release.ready && release.dumpTo !== null) await dumpState(server, release, release.dumpTo, options);
    await inTransaction(client, async () => {
      await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.release_use', 0))");
      // Somebody may have taken it up again while it was dumped.
      if (!(await readRelease(client, schema))?.retired) return;
      await requireUnreferenced(client, schema, [schema]);
      await client.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`);
      await client.query("DELETE FROM menagerie.release_schema WHERE name = $1", [schema]);
    });
    options.progress.note(`state ${release.tag}: dropped`);
  });
}

/** Whatever others have of the schema would be dropped with it. `others`: schemas that go too. */
async function requireUnreferenced(client: ClientBase, schema: string, others: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `SELECT DISTINCT vn.nspname AS schema, v.relname AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass
       JOIN pg_rewrite w ON w.oid = d.objid JOIN pg_class v ON v.oid = w.ev_class
       JOIN pg_namespace vn ON vn.oid = v.relnamespace
      WHERE n.nspname = $1 AND vn.nspname <> ALL ($2)
     UNION
     SELECT kn.nspname, k.relname
       FROM pg_constraint f JOIN pg_class k ON k.oid = f.conrelid JOIN pg_namespace kn ON kn.oid = k.relnamespace
       JOIN pg_class r ON r.oid = f.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
      WHERE rn.nspname = $1 AND kn.nspname <> ALL ($2)
      ORDER BY 1, 2 LIMIT 1`,
    [schema, [schema, ...others]],
  );
  const first = rows[0];
  if (!first) return;
  throw refuse("state.shown", { schema, other: first.schema, name: first.name });
}
