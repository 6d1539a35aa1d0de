import type { ClientBase } from "pg";
import { inTransaction } from "../transaction.ts";
import { qualified } from "./relations.ts";

/** Rows of a table, and a number that changes with any of them, whatever their order. */
export interface TableDigest {
  readonly rows: number;
  readonly digest: string;
}

/** Digests of all tables and views of a schema, by name, as they are in one snapshot. */
export function stateDigest(client: ClientBase, schema: string): Promise<Record<string, TableDigest>> {
  return inTransaction(
    client,
    async () => {
      const { rows } = await client.query<{ name: string }>(
        `SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
          WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm') ORDER BY 1`,
        [schema],
      );
      const digests: Record<string, TableDigest> = {};
      for (const { name } of rows) {
        // A row's text is the same for the same values; the sum does not depend on the order.
        const found = await client.query<{ rows: string; digest: string }>(
          `SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS digest
             FROM ${qualified(schema, name)} t`,
        );
        digests[name] = { rows: Number(found.rows[0]?.rows), digest: found.rows[0]?.digest ?? "0" };
      }
      return digests;
    },
    { readOnly: true },
  );
}
