import { deepStrictEqual } from "node:assert";
import pg from "pg";
import { stateDigest } from "../../src/adapters/postgres/releaseState/digest.ts";
import { ensureReleaseState } from "../../src/adapters/postgres/releaseState/ensure.ts";
import { readRelease } from "../../src/adapters/postgres/releaseState/journal.ts";
import { type DatabaseServer, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { silent } from "../../src/domain/progress.ts";
import { stateOf } from "./releaseStates.ts";

const query = pg.Client.prototype.query;

/** Undoes {@link breakAt}. */
export function mendStatements(): void {
  pg.Client.prototype.query = query;
}

/**
 * Breaks every connection of this process from its `at`th statement on, which the server may or may not have got.
 * @param counted - default: every statement
 */
export function breakAt(at: number, counted = /(?:)/): { readonly broken: () => boolean } {
  let statements = 0;
  const clients = new Set<pg.Client>();
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    clients.add(this);
    if (counted.test(String(args[0]))) statements += 1;
    const answer = Reflect.apply(query, this, args);
    if (statements >= at) for (const client of clients) streamOf(client).destroy();
    return answer;
  } as typeof query;
  return { broken: () => statements >= at };
}

function streamOf(client: pg.Client): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream;
}

/**
 * Seeds from `source` again and again, broken off at every `step`th statement, and has the next run end it: with exactly what
 * `source` holds by then, though it is written to in between. Answers the number of statements of a whole run.
 */
export async function breakAtEach(server: DatabaseServer, source: string, step: number): Promise<number> {
  const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]) => withClient(server, platformDatabase, work);
  const sql = (text: string) => onPlatform((client) => client.query(text));
  const digest = (schema: string) => onPlatform((client) => stateDigest(client, schema));
  for (let at = 1; ; at += step) {
    const tag = `broken-${at}`;
    const spec = stateOf({ tag, from: source, blocksPerChunk: 5 });
    const fault = breakAt(at);
    await ensureReleaseState(server, spec, { progress: silent }).catch(() => {});
    mendStatements();
    if (!fault.broken()) return at;
    // The connection may have broken at the very end.
    const complete = (await onPlatform((client) => readRelease(client, tag)))?.ready === true;
    const turn = Math.floor(at / step);
    // What a run that trusts ranges copied before would miss or have twice.
    if (turn % 3 === 0) await sql(`UPDATE ${source}.item SET made_at = now() WHERE id = 1 + ${at}`);
    if (turn % 3 === 1) await sql(`DELETE FROM ${source}.event WHERE item_id = 1 + ${at}`);
    if (turn % 5 === 0) await sql(`VACUUM ${source}.event`);
    if (turn % 7 === 0) await sql(`VACUUM FULL ${source}.item`);
    const before = await digest(source);
    await ensureReleaseState(server, spec, { progress: silent });
    if (!complete) deepStrictEqual(await digest(tag), before, `broken off at statement ${at}`);
    await sql(`DROP SCHEMA "${tag}" CASCADE`);
    await sql(`DELETE FROM menagerie.release_schema WHERE name = '${tag}'`);
  }
}
