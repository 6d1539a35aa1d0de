import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { messageOf } from "../../domain/errors.ts";
import type { AddressSeal } from "./addressSeal.ts";
import { inPooledTransaction } from "./transaction.ts";

/** Columns that hold addresses, by table. */
const tables = [
  { table: "truss_patch", key: ["model_version_id", "generation", "seq"], sealed: ["ops", "requirements"] },
  { table: "truss_head", key: ["model_version_id"], sealed: ["signature"] },
  { table: "development_deployment", key: ["id"], sealed: ["config", "signature"] },
] as const;

/** Few, since a row may hold whole files. */
const rowsAtOnce = 10;
const againMs = 60_000;

/**
 * Seals the credentials of addresses in rows that were written before addresses were sealed; answers how many rows that were. Any number of
 * processes may do it at once: each takes rows that no other has.
 */
export async function sealEarlierRows(pool: Pool, seal: AddressSeal): Promise<number> {
  let count = 0;
  for (const each of tables) {
    for (let rows = 1; rows > 0; count += rows) rows = await sealSome(pool, seal, each);
  }
  return count;
}

/** {@link sealEarlierRows}, again until it has come to its end: an `up` may give the right to it a moment after the service starts. */
export async function sealEarlier(
  pool: Pool,
  seal: AddressSeal,
  log: { readonly info: (fields: object, text: string) => void; readonly warn: (fields: object, text: string) => void },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const rows = await sealEarlierRows(pool, seal);
      if (rows > 0) log.info({ rows }, "credentials of addresses are sealed in rows from before");
      return;
    } catch (error) {
      log.warn({ err: error }, `rows from before are not sealed: ${messageOf(error)}`);
      await delay(againMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}

function sealSome(pool: Pool, seal: AddressSeal, { table, key, sealed }: (typeof tables)[number]): Promise<number> {
  return inPooledTransaction(pool, async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(
      `SELECT ${[...key, ...sealed].join(", ")} FROM menagerie.${table} WHERE NOT is_sealed
        LIMIT ${rowsAtOnce} FOR UPDATE SKIP LOCKED`,
    );
    for (const row of rows) {
      const values = sealed.map((column) => stored(seal.seal(row[column])));
      const set = sealed.map((column, place) => `${column} = $${key.length + place + 1}`).join(", ");
      const where = key.map((column, place) => `${column} = $${place + 1}`).join(" AND ");
      await client.query(`UPDATE menagerie.${table} SET ${set}, is_sealed = true WHERE ${where}`, [
        ...key.map((column) => row[column]),
        ...values,
      ]);
    }
    return rows.length;
  });
}

/** As it is written first: what is JSON as its text, `config` as the text that it is. */
function stored(value: unknown): unknown {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}
