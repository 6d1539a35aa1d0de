import { createHash } from "node:crypto";
import { mkdir, open, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { ClientBase } from "pg";
import type { VersionPair } from "../../../../domain/zoo/migrationMap.ts";
import { journaledRows } from "./journal.ts";
import type { MigrationConnection, MigrationTarget } from "./target.ts";

/**
 * Where the ids that a migration touched are written beside the journal: `migrations/<name>-<from>-<to>.tsv` in
 * `MENAGERIE_HOME`, else in `menagerie` of the user's state folder (XDG Base Directory: `XDG_STATE_HOME`, else
 * `~/.local/state`).
 */
export function affectedFile(
  { name, from, to }: VersionPair,
  env: NodeJS.ProcessEnv = process.env,
  connection?: MigrationConnection,
): string {
  const home = env.MENAGERIE_HOME || join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "menagerie");
  const plain = [name, from, to].map((part) => part.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 60)).join("-");
  return resolve(home, "migrations", `${plain}${connection ? `-${placeOf(connection, [name, from, to])}` : ""}.tsv`);
}

/** The same ids mean something else in another table, and what is no letter is lost in a file's name: 8 digits tell them apart. */
function placeOf({ server, existing }: MigrationConnection, pair: readonly string[]): string {
  const { host, port, maintenanceDatabase } = server;
  const place = [host, port, maintenanceDatabase, existing?.schema, existing?.table, ...pair];
  return createHash("sha256").update(JSON.stringify(place)).digest("hex").slice(0, 8);
}

/** As PostgreSQL's `COPY` writes text, so that an id with a tab or a line end stays in its column. */
function escaped(id: string): string {
  const named: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
  return id.replaceAll(/[\\\t\n\r]/g, (character) => named[character] ?? character);
}

/**
 * Writes every row that the migration touched to a file, `id<TAB>state` a line; whoever reads it sees the old file or the
 * new one.
 */
export async function writeAffected(
  client: ClientBase,
  target: MigrationTarget,
  migrationId: string,
  file: string,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}.unfinished`;
  const handle = await open(unfinished, "w");
  try {
    for await (const page of journaledRows(client, target, migrationId)) {
      await handle.write(page.map(({ id, state }) => `${escaped(id)}\t${state}\n`).join(""));
    }
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
}
