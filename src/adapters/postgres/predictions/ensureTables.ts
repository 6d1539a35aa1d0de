import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { quoteIdentifier } from "../identifier.ts";
import { applyRights } from "../rights/apply.ts";
import { predictionRights } from "../rights/files.ts";
import { inTransaction } from "../transaction.ts";

/** How the prediction tables of one schema are kept, and who may work in them. */
export interface PredictionTablesOptions {
  /**
   * Days that predictions are kept, before today's.
   * @default 30
   */
  readonly retentionDays?: number;
  /**
   * Roles of recorders: they may add predictions, but read none. They must exist.
   * @default none
   */
  readonly writers?: readonly string[];
  /**
   * Roles that may read everything and change nothing. They must exist.
   * @default none
   */
  readonly readers?: readonly string[];
  /**
   * Roles that may drop what is past its days, and see nothing. They must exist.
   * @default none
   */
  readonly keepers?: readonly string[];
}

const defaultRetentionDays = 30;

/**
 * Makes the prediction tables of one recorded model version in `schema`, and the schema where it is missing; with the
 * partitions of today and a week ahead. Calling it again changes nothing but what `options` say otherwise. Concurrent calls wait
 * for each other.
 */
export async function ensurePredictionTables(
  client: ClientBase,
  schema: string,
  options: PredictionTablesOptions = {},
): Promise<void> {
  const { retentionDays = defaultRetentionDays, writers = [], readers = [], keepers = [] } = options;
  const name = quoteIdentifier(schema);
  const tables = await readFile(join(import.meta.dirname, "tables.sql"), "utf8");
  const rights = await predictionRights(schema, { writers, readers, keepers });
  await inTransaction(client, async () => {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`${schema} prediction tables`]);
    const { rows } = await client.query<{ exists: boolean }>("SELECT to_regnamespace($1) IS NOT NULL AS exists", [
      name,
    ]);
    // Not IF NOT EXISTS, which asks for the privilege to make schemas even where there is nothing to make.
    if (rows[0]?.exists !== true) await client.query(`CREATE SCHEMA ${name}`);
    await client.query(`SET LOCAL search_path = ${name}, pg_temp`);
    await client.query(tables);
    await client.query(
      `INSERT INTO recording_settings (retention_days) VALUES ($1)
       ON CONFLICT (only_row) DO UPDATE SET retention_days = excluded.retention_days`,
      [retentionDays],
    );
    await client.query("SELECT maintain_prediction_days()");
    await applyRights(client, schema, rights);
  });
}
