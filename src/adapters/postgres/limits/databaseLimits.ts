import type { ClientBase } from "pg";
import { type LimitKind, type Limits, limitKinds } from "../../../domain/limits/limits.ts";
import { refuse } from "../refusals.ts";
import { sqlState } from "../server.ts";

/** Columns of a row's limits; bigint comes as text. */
export type LimitRow = Readonly<Record<LimitKind, string | null>>;

const columnOf: Readonly<Record<LimitKind, string>> = {
  requestsPerMinute: "requests_per_minute",
  tokensPerMinute: "tokens_per_minute",
  tokensPerDay: "tokens_per_day",
};

/** The columns of {@link LimitRow}, for the list of a SELECT from the table called `table`. */
export function limitColumns(table: string): string {
  return limitKinds.map((kind) => `${table}.${columnOf[kind]} AS "${kind}"`).join(", ");
}

export function limitsOf(row: LimitRow): Limits {
  return Object.fromEntries(limitKinds.flatMap((kind) => (row[kind] === null ? [] : [[kind, Number(row[kind])]])));
}

/** What to change of limits: a number, or null for no limit; what is left out stays. */
export type LimitChanges = Readonly<Partial<Record<LimitKind, number | null>>>;

/** Sets limits of the key with this id or prefix, and answers them as they are then. */
export async function setKeyLimits(
  client: ClientBase,
  idOrPrefix: string,
  changes: LimitChanges,
): Promise<{ readonly id: string; readonly prefix: string; readonly limits: Limits }> {
  const { rows } = await withLimits(() =>
    client.query<LimitRow & { id: string; prefix: string }>(
      `UPDATE menagerie.api_key k SET ${assignments(changes)} WHERE k.id::text = $1 OR k.prefix = $1
       RETURNING k.id, k.prefix, ${limitColumns("k")}`,
      [idOrPrefix, ...values(changes)],
    ),
  );
  const [row] = rows;
  if (!row) throw refuse("key.not-found", { idOrPrefix });
  return { id: row.id, prefix: row.prefix, limits: limitsOf(row) };
}

/** Sets limits of an organization, and answers them as they are then. */
export async function setOrganizationLimits(
  client: ClientBase,
  organizationId: string,
  changes: LimitChanges,
): Promise<Limits> {
  const { rows } = await withLimits(() =>
    client.query<LimitRow>(
      `UPDATE menagerie.organization o SET ${assignments(changes)} WHERE o.id = $1 RETURNING ${limitColumns("o")}`,
      [organizationId, ...values(changes)],
    ),
  );
  const [row] = rows;
  if (!row) throw new Error(`there is no organization ${organizationId}`);
  return limitsOf(row);
}

/** What an organization is limited to, by its name. */
export async function listOrganizationLimits(
  client: Pick<ClientBase, "query">,
): Promise<{ name: string; limits: Limits }[]> {
  const { rows } = await withLimits(() =>
    client.query<LimitRow & { name: string }>(
      `SELECT o.name, ${limitColumns("o")} FROM menagerie.organization o ORDER BY o.name`,
    ),
  );
  return rows.map((row) => ({ name: row.name, limits: limitsOf(row) }));
}

/** One assignment for each kind, so that the statement is always the same. */
function assignments(changes: LimitChanges): string {
  return limitKinds
    .map((kind, index) => {
      const column = columnOf[kind];
      const value = `$${index + 2}::bigint`;
      // Every parameter must be used.
      return changes[kind] === undefined ? `${column} = coalesce(${value}, ${column})` : `${column} = ${value}`;
    })
    .join(", ");
}

function values(changes: LimitChanges): (number | null)[] {
  return limitKinds.map((kind) => changes[kind] ?? null);
}

/** @throws OperatorError where the platform's tables are older than this. */
export async function withLimits<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // No such column, no such table.
    if (sqlState(error) !== "42703" && sqlState(error) !== "42P01") throw error;
    throw refuse("limits.tables-older", undefined, error);
  }
}
