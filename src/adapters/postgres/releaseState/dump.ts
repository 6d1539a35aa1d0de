import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addAbortSignal, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import type { ClientBase } from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import * as z from "zod";
import { messageOf } from "../../../domain/errors.ts";
import { platformDatabase, roles } from "../../../domain/platformDatabase.ts";
import { declaredHash, stateSchemaName } from "../../../domain/release/stateSchema.ts";
import { quoteIdentifier } from "../identifier.ts";
import { type DatabaseServer, withClient } from "../server.ts";
import { actAs, inTransaction } from "../transaction.ts";
import { positionOf, refreshViews, sequencesOf, setPosition, storedColumns, withoutRowsOfFiles } from "./continued.ts";
import { declareTables } from "./declare.ts";
import type { SeedingOptions } from "./ensure.ts";
import { ensureExtensions, extensionsInUse } from "./extensions.ts";
import { type JournaledRelease, markUsedBeforeCurrent } from "./journal.ts";
import { readPipelines } from "./pipelines.ts";
import { refuse } from "./refusals.ts";
import { objectsIn, qualified, relationOf } from "./relations.ts";
import { setForeignKeysAside, setIndexesAside } from "./setAside.ts";

/** `manifest.json` of a dump: the declared SQL, and what each table's file must hold. */
const manifestSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** Of the database, in schema `public`; absent in dumps of earlier versions, as are sequences. */
  extensions: z.array(z.string()).default([]),
  /** Where sequences of no table's column stand, by name. */
  sequences: z.record(z.string(), z.tuple([z.string(), z.boolean()])).default({}),
  tag: z.string(),
  seededFrom: z.string().nullable(),
  files: z.array(z.strictObject({ name: z.string(), sql: z.string() })),
  tables: z.array(
    z.strictObject({
      name: z.string(),
      seed: z.enum(["copy", "view", "empty"]),
      columns: z.array(z.string()),
      rows: z.number(),
      /** Of the rows as `COPY` writes them, before compression. */
      sha256: z.string(),
      /** Where the sequences of its columns stand. */
      numbers: z.record(z.string(), z.tuple([z.string(), z.boolean()])),
    }),
  ),
  /** Pipelines that ran for it, and do not run again; absent in dumps of earlier versions. */
  pipelines: z
    .array(z.strictObject({ name: z.string(), image: z.string().nullable(), source: z.string().nullable() }))
    .default([]),
});
export type DumpManifest = z.infer<typeof manifestSchema>;

/** Folder of a dump. */
const folderOf = (dumpTo: string, schema: string): string => join(dumpTo, schema);
const manifestFile = "manifest.json";

export interface DumpOptions extends SeedingOptions {
  /** Of the rows as `COPY` writes them, of all tables together. @default any number */
  readonly maxBytes?: number | undefined;
}

/**
 * Writes `<dumpTo>/<schema>/`: the declared SQL and one compressed file of rows per table, all as in one snapshot. A dump that is
 * complete has its final name; one that was broken off is made anew. Answers the folder.
 * @throws OperatorError for more than `maxBytes`: nothing is left of it.
 */
export async function dumpState(
  server: DatabaseServer,
  {
    tag,
    schema,
    seededFrom,
    files,
    tables,
  }: Pick<JournaledRelease, "tag" | "schema" | "seededFrom" | "files" | "tables">,
  dumpTo: string,
  { progress, signal, maxBytes = Number.POSITIVE_INFINITY }: DumpOptions,
): Promise<string> {
  const folder = folderOf(dumpTo, schema);
  if (await exists(join(folder, manifestFile))) return folder;
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true, mode: 0o700 });
  const task = progress.begin(`dump of state ${tag}`);
  const manifest: DumpManifest = {
    formatVersion: 1,
    tag,
    seededFrom,
    files: [...files],
    tables: [],
    pipelines: [],
    extensions: [],
    sequences: {},
  };
  await withClient(server, platformDatabase, async (client) => {
    // As their owner, from whom row-level security hides nothing.
    await actAs(client, roles.state);
    await client.query("SET row_security = off");
    await inTransaction(
      client,
      async () => {
        manifest.extensions = await extensionsInUse(client);
        const sequences = await sequencesOf(client, schema);
        for (const { name } of sequences.filter(({ table }) => table === null)) {
          manifest.sequences[name] = await positionOf(client, schema, name);
        }
        manifest.pipelines = (await readPipelines(client))
          .filter((each) => each.schema === schema && each.finishedAt !== null)
          .map(({ name, image, source }) => ({ name, image, source }));
        const count = boundedBy(maxBytes, tag);
        for (const { name, seed } of tables) {
          signal?.throwIfAborted();
          task.update(name);
          const columns = await storedColumns(client, schema, name);
          const list = columns.map(quoteIdentifier).join(", ");
          // A partition's rows are with the table that it is a part of.
          const partition = (await relationOf(client, schema, name))?.partition === true;
          const rows = `SELECT ${list} FROM ${qualified(schema, name)}${partition ? " WHERE false" : ""}`;
          const stream = client.query(copyTo(`COPY (${rows}) TO STDOUT`));
          const digest = digesting(count);
          await pipeline(
            stream,
            digest.through,
            createGzip({ level: 1 }),
            createWriteStream(join(partial, fileOfTable(name)), { mode: 0o600 }),
          );
          const numbers: DumpManifest["tables"][number]["numbers"] = {};
          for (const { name: sequence, table, column } of sequences) {
            if (table === name && column !== null) numbers[column] = await positionOf(client, schema, sequence);
          }
          manifest.tables.push({
            name,
            seed,
            columns,
            rows: stream.rowCount,
            sha256: digest.hex(),
            numbers,
          });
        }
      },
      { readOnly: true },
    );
  }).catch(async (error: unknown) => {
    task.failed();
    await rm(partial, { recursive: true, force: true });
    throw error;
  });
  await writeManifest(partial, manifest);
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
  task.done(folder);
  return folder;
}

/**
 * Makes the state of a dump again, under its own tag, as a state that is ready: all of it in one transaction. Answers the tag and
 * the rows by table.
 */
export async function restoreState(
  server: DatabaseServer,
  folder: string,
  { progress, signal }: SeedingOptions,
): Promise<{ tag: string; schema: string; rows: Record<string, number> }> {
  const manifest = await readManifest(folder);
  const { tag, seededFrom, files, tables, pipelines } = manifest;
  const schema = stateSchemaName(tag);
  const task = progress.begin(`state ${tag}`);
  let rows: Record<string, number> = {};
  await withClient(server, platformDatabase, async (client) => {
    const found = await objectsIn(client, schema);
    if (found && found.length > 0) {
      throw refuse("data.already-there", { tag, schema });
    }
    await inTransaction(client, async () => {
      // Of a state that was dropped by hand the journal still tells.
      rows = await makeTables(client, folder, manifest, {
        existing: found !== undefined,
        signal,
        update: (table) => task.update(table),
        before: () => client.query("DELETE FROM menagerie.release_schema WHERE name = $1", [schema]),
      });
      await client.query(
        `INSERT INTO menagerie.release_schema (name, tag, seeded_from, declared, files, ready_at) VALUES ($1, $2, $3, $4, $5, now())`,
        [schema, tag, seededFrom, declaredHash(files), JSON.stringify(files)],
      );
      for (const table of tables) {
        await client.query(
          "INSERT INTO menagerie.release_table (schema_name, name, seed, seeded_rows) VALUES ($1, $2, $3, $4)",
          [schema, table.name, table.seed, table.rows],
        );
      }
      for (const { name, image, source } of pipelines) {
        await client.query(
          `INSERT INTO menagerie.release_pipeline (schema_name, name, image, source, finished_at) VALUES ($1, $2, $3, $4, now())`,
          [schema, name, image, source],
        );
      }
      await markUsedBeforeCurrent(client, schema);
    });
  }).catch((error: unknown) => {
    task.failed();
    throw error;
  });
  task.done();
  return { tag, schema, rows };
}

/**
 * The tables of a dump with their rows, in a database that keeps no journal: a trial's. In the caller's transaction, whose session acts as
 * the owner of states afterwards. Answers the rows by table.
 */
export async function makeDumpedTables(
  client: ClientBase,
  folder: string,
  options: Pick<Making, "signal" | "update">,
): Promise<Record<string, number>> {
  return makeTables(client, folder, await readManifest(folder), { ...options, existing: false });
}

/** @throws OperatorError for a dump with rows of more bytes, as `COPY` writes them, than `maxBytes` */
export async function requireDumpWithin(folder: string, maxBytes: number, signal: AbortSignal): Promise<void> {
  const { tag, tables } = await readManifest(folder);
  const count = boundedBy(maxBytes, tag);
  for (const { name, columns, rows } of tables) {
    if (columns.length === 0 && rows === 0) continue;
    const unpacked = createReadStream(join(folder, fileOfTable(name))).pipe(createGunzip());
    for await (const piece of addAbortSignal(signal, unpacked) as AsyncIterable<Buffer>) count(piece.length);
  }
}

/** Counts bytes of rows. The function throws OperatorError once there are more than `maxBytes`. */
function boundedBy(maxBytes: number, tag: string): (more: number) => void {
  let bytes = 0;
  return (more) => {
    bytes += more;
    if (bytes > maxBytes) throw refuse("data.too-large", { tag, gigabytes: gigabytes(maxBytes) });
  };
}

interface Making {
  /** Whether the schema is there, and empty. */
  readonly existing: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called with the table that is filled. */
  readonly update: (table: string) => void;
  /** Done as the owner of states, before the first table is made. @default nothing */
  readonly before?: () => Promise<unknown>;
}

async function makeTables(
  client: ClientBase,
  folder: string,
  { tag, files, tables, extensions, sequences }: DumpManifest,
  { existing, signal, update, before }: Making,
): Promise<Record<string, number>> {
  const schema = stateSchemaName(tag);
  if (!existing) await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)} AUTHORIZATION ${roles.state}`);
  await ensureExtensions(client, extensions);
  await actAs(client, roles.state);
  await before?.();
  const declared = tables.map(({ name, seed }) => ({ name, seed, from: null }));
  await declareTables(client, { tag, schema, files, tables: declared });
  const aside = await setForeignKeysAside(client, schema);
  for (const { name } of tables) aside.unshift(...(await setIndexesAside(client, schema, name)));
  await withoutRowsOfFiles(
    client,
    schema,
    tables.map(({ name }) => name),
  );
  const rows: Record<string, number> = {};
  for (const table of tables) {
    signal?.throwIfAborted();
    update(table.name);
    rows[table.name] = await loadTable(client, folder, schema, table);
  }
  for (const [sequence, position] of Object.entries(sequences)) {
    await setPosition(client, schema, sequence, position);
  }
  for (const statement of aside) await client.query(statement);
  await refreshViews(client, schema);
  return rows;
}

async function loadTable(
  client: ClientBase,
  folder: string,
  schema: string,
  table: DumpManifest["tables"][number],
): Promise<number> {
  // A dump that was put together may have a table without knowing its columns.
  if (table.columns.length === 0 && table.rows === 0) return 0;
  const list = table.columns.map(quoteIdentifier).join(", ");
  const file = join(folder, fileOfTable(table.name));
  const stream = client.query(copyFrom(`COPY ${qualified(schema, table.name)} (${list}) FROM STDIN`));
  const digest = digesting();
  try {
    await pipeline(createReadStream(file), createGunzip(), digest.through, stream);
  } catch (error) {
    throw refuse("data.rows-refused", { file, reason: messageOf(error) }, error);
  }
  if (digest.hex() !== table.sha256 || stream.rowCount !== table.rows) {
    throw refuse("data.not-what-was-dumped", { file, count: stream.rowCount, rows: table.rows });
  }
  for (const [column, [last, called]] of Object.entries(table.numbers)) {
    await client.query("SELECT setval(pg_get_serial_sequence($1, $2), $3, $4)", [
      qualified(schema, table.name),
      column,
      last,
      called,
    ]);
  }
  return stream.rowCount;
}

export function writeManifest(folder: string, manifest: DumpManifest): Promise<void> {
  return writeFile(join(folder, manifestFile), JSON.stringify(manifest, null, 2), { mode: 0o600 });
}

/** What a dump says of itself. @throws OperatorError for a folder that is none */
export async function readManifest(folder: string): Promise<DumpManifest> {
  const path = join(folder, manifestFile);
  try {
    return manifestSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    throw refuse("data.not-a-dump", { folder, path, reason: messageOf(error).split("\n", 1).join("") }, error);
  }
}

/** Table names may hold anything; file names may not. */
export function fileOfTable(table: string): string {
  return `${encodeURIComponent(table).replaceAll(".", "%2E")}.copy.gz`;
}

function digesting(count: (bytes: number) => void = () => {}) {
  const hash = createHash("sha256");
  const through = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      try {
        count(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  return { through, hex: () => hash.digest("hex") };
}

function gigabytes(bytes: number): string {
  return String(Math.round(bytes / 1e8) / 10);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
