import type { ClientBase } from "pg";
import type { AuditRow } from "../../domain/audit/entry.ts";
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

/** Which entries of the audit. */
export interface AuditQuestion {
  /** @default from the first on */
  readonly since?: Date | undefined;
  /** Such as `key.revoke`, or `key` for all that begins with it. @default all */
  readonly what?: string | undefined;
  /** Id of the organization that they are about: its keys, limits and samples; the platform's own changes are those of `admin`. @default all */
  readonly organizationId?: string | undefined;
  /** Only what was before the entry with this id. @default the latest */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** What was done, the latest first. */
export async function readAudit(
  client: Pick<ClientBase, "query">,
  { since, what, organizationId, before, limit }: AuditQuestion,
): Promise<AuditRow[]> {
  const { rows } = await client.query<AuditRow>(auditQuery, [
    since ?? null,
    what ?? null,
    organizationId ?? null,
    before ?? null,
    limit,
  ]);
  return rows;
}

// A key is known by its prefix, and whose it is by the entry of its making.
const auditQuery = `
WITH asked AS (SELECT id::text, name, is_admin FROM menagerie.organization WHERE id = $3::bigint),
models AS (SELECT m.id::text FROM menagerie.model m JOIN asked ON m.organization_id = asked.id::bigint),
keys AS (
  SELECT k.details->>'prefix' AS prefix FROM menagerie.audit k
   WHERE k.what = 'key.create'
     AND (k.details->>'organizationId' IN (SELECT id FROM asked) OR k.details->>'modelId' IN (SELECT id FROM models))
)
SELECT a.id::text, a.at, a.what, a.who, a.login, host(a.address) AS address, a.details
  FROM menagerie.audit a
 WHERE ($1::timestamptz IS NULL OR a.at >= $1)
   AND ($2::text IS NULL OR a.what = $2 OR starts_with(a.what, $2 || '.'))
   AND ($4::bigint IS NULL OR a.id < $4)
   AND ($3::bigint IS NULL
        OR a.details->>'organizationId' IN (SELECT id FROM asked)
        OR a.details->>'organization' IN (SELECT name FROM asked)
        OR a.details->>'modelId' IN (SELECT id FROM models)
        OR a.details->>'prefix' IN (SELECT prefix FROM keys)
        OR (SELECT is_admin FROM asked) AND split_part(a.what, '.', 1) IN ('stack', 'rollout', 'state'))
 ORDER BY a.id DESC LIMIT $5`;

/** Adds an entry to the audit; in the transaction of what was done, so that neither is there without the other. */
export async function recordAudit(client: ClientBase, { what, who, details }: AuditEntry): Promise<void> {
  await client.query("INSERT INTO menagerie.audit (who, what, details) VALUES ($1, $2, $3)", [
    who,
    what,
    JSON.stringify(details),
  ]);
}
