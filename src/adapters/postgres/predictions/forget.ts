import type { ClientBase } from "pg";
import { holdsValue, jsonPathOf, type WantedValue } from "../../../domain/redaction/forgotten.ts";
import { readBody } from "../../predictions/decodedBody.ts";
import { quoteIdentifier } from "../identifier.ts";
import { inTransaction } from "../transaction.ts";

/** Requests of a recording, by id; `days` are those on which they were found, as `YYYY-MM-DD`. */
export interface FoundRequests {
  readonly ids: ReadonlySet<string>;
  readonly days: ReadonlySet<string>;
  /** Bodies that could be neither read nor searched for the value. */
  readonly unread: number;
}

/** Bodies read at once, and requests deleted in one transaction. */
const [page, batch] = [64, 500];

/** Requests whose own body or answer has the value, in one schema. */
export async function requestsWith(client: ClientBase, schema: string, wanted: WantedValue): Promise<FoundRequests> {
  const [ids, days] = [new Set<string>(), new Set<string>()];
  const found = ({ id, day }: { readonly id: string; readonly day: string }): void => {
    ids.add(id);
    days.add(day);
  };
  let unread = 0;
  const { path, variables } = jsonPathOf(wanted);
  for (const [table, side] of [
    ["inference_requests", "request"],
    ["inference_response", "response"],
  ] as const) {
    const from = `${quoteIdentifier(schema)}.${table}`;
    const { rows } = await client.query<{ id: string; day: string }>(
      `SELECT request_id AS id, day::text AS day FROM ${from}
        WHERE ${side}_data IS NOT NULL AND jsonb_path_exists(${side}_data, $1::jsonpath, $2::jsonb, true)`,
      [path, variables],
    );
    rows.forEach(found);
    const encoding = side === "request" ? "headers->>'content-encoding'" : "content_encoding";
    for (let after: readonly unknown[] = ["-infinity", "", 0]; ; ) {
      const { rows: raws } = await client.query<RawRow>(
        `SELECT request_id AS id, day::text AS day, attempt, ${side}_raw AS raw, ${encoding} AS encoding, truncated
           FROM ${from}
          WHERE ${side}_data IS NULL AND ${side}_raw IS NOT NULL AND (day, request_id, attempt) > ($1::date, $2, $3)
          ORDER BY day, request_id, attempt LIMIT ${page}`,
        [...after],
      );
      for (const row of raws) {
        const holds = rawHolds(row, wanted);
        if (holds) found(row);
        else if (holds === undefined) unread += 1;
      }
      const last = raws.at(-1);
      if (!last || raws.length < page) break;
      after = [last.day, last.id, last.attempt];
    }
  }
  return { ids, days, unread };
}

/** How many rows of requests a schema has of these, and on which days; a day before and after `days` counts, for copies are on their way at midnight. */
export async function countRequests(
  client: ClientBase,
  schema: string,
  ids: ReadonlySet<string>,
  days?: ReadonlySet<string>,
): Promise<number> {
  const { rows } = await client.query<{ n: string }>(
    `SELECT count(*) AS n FROM ${quoteIdentifier(schema)}.inference_requests WHERE ${chosen}`,
    [[...ids], days ? [...days] : null],
  );
  return Number(rows[0]?.n ?? 0);
}

/** Deletes the same, request and answer together, in batches. Answers how many requests went. */
export async function deleteRequests(
  client: ClientBase,
  schema: string,
  {
    ids,
    days,
    onProgress,
  }: {
    readonly ids: ReadonlySet<string>;
    readonly days?: ReadonlySet<string> | undefined;
    readonly onProgress: (deleted: number) => void;
  },
): Promise<number> {
  const all = [...ids];
  let deleted = 0;
  for (let at = 0; at < all.length; at += batch) {
    const values = [all.slice(at, at + batch), days ? [...days] : null];
    deleted += await inTransaction(client, async () => {
      const name = quoteIdentifier(schema);
      await client.query(`DELETE FROM ${name}.inference_response WHERE ${chosen}`, values);
      return (await client.query(`DELETE FROM ${name}.inference_requests WHERE ${chosen}`, values)).rowCount ?? 0;
    });
    onProgress(deleted);
  }
  return deleted;
}

const chosen = `request_id = ANY ($1::text[])
  AND ($2::date[] IS NULL OR EXISTS (SELECT FROM unnest($2::date[]) AS d WHERE day BETWEEN d - 1 AND d + 1))`;

interface RawRow {
  readonly id: string;
  readonly day: string;
  readonly attempt: number;
  readonly raw: Buffer;
  readonly encoding: string | null;
  readonly truncated: boolean;
}

/** Undefined where nobody can tell: a body that cannot be read is searched for the text as it stands. */
function rawHolds({ raw, encoding, truncated }: RawRow, wanted: WantedValue): boolean | undefined {
  const body = truncated ? undefined : readBody(raw, encoding);
  if (body && "json" in body) return holdsValue(body.json, wanted);
  return wanted.texts.some((text) => raw.includes(text)) ? true : undefined;
}
