import type { ClientBase } from "pg";
import type { SampleAudit } from "../../domain/samples/history.ts";

/** Something that was done. The database adds when, by which login and from where. */
export interface AuditEntry {
  /** Such as `recording.forget`. */
  readonly what: string;
  /** Who did it, by their own word: a user and host, or a key's prefix. */
  readonly who: string;
  /** What it was done to, and how much of it; no secret, and no value that is redacted elsewhere. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** What was exported from some schemas as samples, and what was forgotten in these, in the order of time. */
export async function sampleAudit(client: ClientBase, schemas: readonly string[]): Promise<readonly SampleAudit[]> {
  const { rows } = await client.query<{ at: Date; who: string; details: SampleAudit["details"] }>(
    `SELECT at, who, details FROM menagerie.audit
      WHERE what IN ('sample.export', 'sample.forget') AND details->>'schema' = ANY ($1::text[]) ORDER BY id`,
    [schemas],
  );
  return rows;
}

/** Adds an entry to the audit; in the transaction of what was done, so that neither is there without the other. */
export async function recordAudit(client: ClientBase, { what, who, details }: AuditEntry): Promise<void> {
  await client.query("INSERT INTO menagerie.audit (who, what, details) VALUES ($1, $2, $3)", [
    who,
    what,
    JSON.stringify(details),
  ]);
}
