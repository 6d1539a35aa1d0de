import type { ClientBase } from "pg";
import { messageOf, OperatorError } from "../../../domain/errors.ts";
import { platformDatabase, roles } from "../../../domain/platformDatabase.ts";
import type { Progress } from "../../../domain/progress.ts";
import type { StateFile, StateTable } from "../../../domain/release/stateSchema.ts";
import { quoteIdentifier } from "../identifier.ts";
import { type DatabaseServer, sqlState, withClient } from "../server.ts";
import { actAs, inTransaction } from "../transaction.ts";
import { continueSequences, refreshViews, withoutRowsOfFiles } from "./continued.ts";
import { copyTables, eachInParallel, requireAttempt } from "./copy.ts";
import { declareTables } from "./declare.ts";
import { ensureExtensions } from "./extensions.ts";
import { type JournaledRelease, markUsed, readRelease, seededRows } from "./journal.ts";
import { refusal, refuse } from "./refusals.ts";
import { objectsIn, qualified, relationOf } from "./relations.ts";
import type { SeedingRun } from "./seedingRun.ts";
import { setForeignKeysAside, setIndexesAside } from "./setAside.ts";

/** The state that a release is to have. */
export interface ReleaseStateSpec {
  readonly tag: string;
  readonly schema: string;
  /** Schema of the release before; null for the first. */
  readonly seedFrom: string | null;
  /** Hash of the files. */
  readonly declared: string;
  readonly files: readonly StateFile[];
  readonly tables: readonly StateTable[];
  /**
   * Extensions of the database that the files need, made in schema `public` where they are missing.
   * @default none
   */
  readonly extensions?: readonly string[] | undefined;
  /** Connections that copy at the same time. */
  readonly parallel: number;
  /** See {@link SeedingRun}. */
  readonly blocksPerChunk?: number | undefined;
}

export interface SeedingOptions {
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the schema of a release with its tables, seeded by their rules, and answers the rows of each as they were then. What is
 * ready already is left alone; what an earlier run left half-way is taken up; runs at the same time wait for each other.
 * @throws OperatorError for a schema that something else made tables in, and for a ready one of other SQL files.
 */
export function ensureReleaseState(
  server: DatabaseServer,
  spec: ReleaseStateSpec,
  options: SeedingOptions,
): Promise<Record<string, number>> {
  return withClient(server, platformDatabase, async (client) => {
    await lockRelease(client, spec, options.progress);
    await ensureSchema(client, spec.schema);
    await ensureExtensions(client, spec.extensions ?? []);
    await actAs(client, roles.state);
    const known = await readRelease(client, spec.schema);
    if (known?.wasReady && known.lost !== null) throw lostState(known);
    if (known?.ready) requireSame(known, spec);
    else await build(client, known, spec, { server, ...options });
    return seededRows(client, spec.schema);
  });
}

/** Rows by table of a state that is ready; undefined where there is something to do yet, or something is wrong. */
export function readyRows(
  server: DatabaseServer,
  schema: string,
  { declared }: Pick<ReleaseStateSpec, "declared">,
): Promise<Record<string, number> | undefined> {
  return withClient(server, platformDatabase, async (client) => {
    const release = await readRelease(client, schema);
    return release?.ready && release.declared === declared ? seededRows(client, schema) : undefined;
  });
}

/** Makes a ready release the current one. */
export function useReleaseState(server: DatabaseServer, schema: string): Promise<void> {
  return withClient(server, platformDatabase, async (client) => {
    await actAs(client, roles.state);
    await inTransaction(client, async () => {
      await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.release_use', 0))");
      await markUsed(client, schema);
    });
  });
}

/**
 * Before acting as the owner of the states, who makes none. The stack's own Schema is there already. Under the release's
 * lock: of two that make one schema at the same time, IF NOT EXISTS lets one fail.
 */
async function ensureSchema(client: ClientBase, schema: string): Promise<void> {
  if ((await objectsIn(client, schema)) !== undefined) return;
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)} AUTHORIZATION ${roles.state}`);
}

/** Held until the connection ends, and so by nobody who was killed. */
async function lockRelease(client: ClientBase, { tag, schema }: ReleaseStateSpec, progress: Progress): Promise<void> {
  const key = `hashtextextended('menagerie.release_state.' || $1, 0)`;
  const { rows } = await client.query<{ locked: boolean }>(`SELECT pg_try_advisory_lock(${key}) AS locked`, [schema]);
  if (rows[0]?.locked) return;
  progress.note(`state ${tag}: another run is at work on it; waiting for its end`);
  await client.query(`SELECT pg_advisory_lock(${key})`, [schema]);
}

/** A lost state is never silently recreated empty: what is left of it may still be needed. */
export function lostState({ tag, schema, lost }: JournaledRelease): OperatorError {
  const whole = lost === `schema "${schema}"`;
  const first = whole ? "" : `drop what is left (DROP SCHEMA "${schema}" CASCADE), then `;
  return refuse("state.lost", { tag, lost: lost ?? "a part", first });
}

function requireSame(known: JournaledRelease, { tag, declared }: ReleaseStateSpec): void {
  if (known.declared === declared) return;
  throw refuse("state.other-files", { tag });
}

async function build(
  client: ClientBase,
  known: JournaledRelease | undefined,
  spec: ReleaseStateSpec,
  { server, progress, signal }: SeedingOptions & { readonly server: DatabaseServer },
): Promise<void> {
  const goesOn = known !== undefined && known.lost === null && isSameDeclaration(known, spec);
  if (known && !goesOn) await discard(client, spec.schema);
  if (!goesOn)
    await inTransaction(client, () => begin(client, spec, progress)).catch((error: unknown) =>
      cleaned(client, spec.schema, error),
    );
  // Waits for what an earlier run's workers still do, which keep this row locked.
  const { rows } = await client.query<{ attempt: string }>(
    "UPDATE menagerie.release_schema SET attempt = attempt + 1 WHERE name = $1 RETURNING attempt",
    [spec.schema],
  );
  const { tag, schema, parallel, blocksPerChunk } = spec;
  const run: SeedingRun = {
    server,
    database: platformDatabase,
    tag,
    schema,
    parallel,
    blocksPerChunk,
    progress,
    signal,
    attempt: rows[0]?.attempt ?? "",
  };
  await copyTables(client, run);
  await finishTables(client, run);
  await inTransaction(client, () => finish(client, run));
}

function isSameDeclaration(known: JournaledRelease, spec: ReleaseStateSpec): boolean {
  const text = (tables: readonly StateTable[]): string =>
    JSON.stringify(
      tables.map(({ name, seed, from, columns = {} }) => [name, seed, from, Object.entries(columns).sort()]).sort(),
    );
  return known.declared === spec.declared && text(known.tables) === text(spec.tables);
}

/** Nobody but seeding has worked in a release that is not ready: its tables hold nothing that is not elsewhere. */
async function discard(client: ClientBase, schema: string): Promise<void> {
  await client.query("RESET ROLE");
  await inTransaction(client, async () => {
    await client.query(`DROP SCHEMA ${quoteIdentifier(schema)} CASCADE`);
    await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)} AUTHORIZATION ${roles.state}`);
    await client.query("DELETE FROM menagerie.release_schema WHERE name = $1", [schema]);
  });
  await actAs(client, roles.state);
}

/** Files that end the transaction leave their tables behind, in a schema that was empty before. */
async function cleaned(client: ClientBase, schema: string, error: unknown): Promise<never> {
  const row = await client.query("SELECT FROM menagerie.release_schema WHERE name = $1", [schema]);
  const left = await objectsIn(client, schema);
  if (row.rowCount === 0 && left && left.length > 0 && !(error instanceof SchemaTaken)) await discard(client, schema);
  throw error;
}

class SchemaTaken extends OperatorError {}

/** Tables, and their journal, in one transaction. */
async function begin(client: ClientBase, spec: ReleaseStateSpec, progress: Progress): Promise<void> {
  const { tag, schema, tables, files, declared, seedFrom } = spec;
  const found = await objectsIn(client, schema);
  if (found && found.length > 0) {
    const some = found.slice(0, 3).map((name) => `"${name}"`);
    const objects = some.join(", ") + (found.length > 3 ? ` and ${found.length - 3} more` : "");
    throw new SchemaTaken(refusal("state.schema-taken", null, { tag, schema, objects }));
  }
  await declareTables(client, { tag, schema, files, tables });
  const foreignKeys = await setForeignKeysAside(client, schema);
  await client.query(
    `INSERT INTO menagerie.release_schema (name, tag, seeded_from, declared, files, foreign_keys)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [schema, tag, seedFrom, declared, JSON.stringify(files), JSON.stringify(foreignKeys)],
  );
  const isCopied = ({ seed, from }: StateTable): boolean => seed === "copy" && from !== null;
  for (const table of tables) {
    const { name, seed, from, columns = {} } = table;
    const aside = isCopied(table) ? await setIndexesAside(client, schema, name) : [];
    await client.query(
      `INSERT INTO menagerie.release_table (schema_name, name, seed, base_schema, set_aside, columns)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [schema, name, seed, from, JSON.stringify(aside), JSON.stringify(columns)],
    );
  }
  const copied = tables.filter(isCopied).map(({ name }) => name);
  for (const name of await withoutRowsOfFiles(client, schema, copied)) {
    progress.note(
      `state ${tag}: "${name}" gets the rows of the release before, and not those that the SQL files insert`,
    );
  }
}

/** Indexes, constraints and triggers of the copied tables, several tables at once. */
async function finishTables(client: ClientBase, run: SeedingRun): Promise<void> {
  const { rows } = await client.query<{ name: string; statements: string[] }>(
    `SELECT name, set_aside AS statements FROM menagerie.release_table
      WHERE schema_name = $1 AND seed = 'copy' AND base_schema IS NOT NULL AND seeded_rows IS NULL ORDER BY name`,
    [run.schema],
  );
  if (rows.length === 0) return;
  const task = run.progress.begin(`state ${run.tag}: indexes`);
  await eachInParallel(run, rows, (worker, { name, statements }) =>
    inTransaction(worker, async () => {
      task.update(name);
      await requireAttempt(worker, run);
      for (const statement of statements) await worker.query(statement);
      await worker.query(`ANALYZE ${qualified(run.schema, name)}`);
      await worker.query(
        `UPDATE menagerie.release_table SET set_aside = '[]', seeded_rows = ${await rowsOf(worker, run.schema, name)}
          WHERE schema_name = $1 AND name = $2`,
        [run.schema, name],
      );
    }).catch((error: unknown) => {
      throw refuse("state.not-finished", { tag: run.tag, name, reason: messageOf(error) }, error);
    }),
  ).catch((error: unknown) => {
    task.failed();
    throw error;
  });
  task.done();
}

/** Of a table that is divided, or part of one, the ranges that were copied do not tell. */
async function rowsOf(client: ClientBase, schema: string, name: string): Promise<string> {
  const relation = await relationOf(client, schema, name);
  return relation?.partition || relation?.kind === "p"
    ? `(SELECT count(*) FROM ${qualified(schema, name)})`
    : "(SELECT coalesce(sum(copied_rows), 0) FROM menagerie.release_chunk WHERE schema_name = $1 AND table_name = $2)";
}

/** What concerns several tables, and the mark that the state is complete. */
async function finish(client: ClientBase, run: SeedingRun): Promise<void> {
  const { schema, tag } = run;
  await requireAttempt(client, run);
  const { rows } = await client.query<{ statements: string[] }>(
    "SELECT foreign_keys AS statements FROM menagerie.release_schema WHERE name = $1",
    [schema],
  );
  for (const statement of rows[0]?.statements ?? []) {
    try {
      await client.query(statement);
    } catch (error) {
      if (sqlState(error) !== "23503") throw error;
      throw refuse("state.inconsistent", { tag, reason: messageOf(error) }, error);
    }
  }
  const copied = await client.query<{ name: string; from: string }>(
    `SELECT name, base_schema AS from FROM menagerie.release_table
      WHERE schema_name = $1 AND seed = 'copy' AND base_schema IS NOT NULL`,
    [schema],
  );
  const before = await readRelease(client, schema);
  const froms = new Map(copied.rows.map(({ name, from }) => [name, from]));
  await continueSequences(client, schema, before?.seededFrom ?? null, froms);
  await refreshViews(client, schema);
  await client.query("UPDATE menagerie.release_schema SET ready_at = now(), foreign_keys = '[]' WHERE name = $1", [
    schema,
  ]);
}
