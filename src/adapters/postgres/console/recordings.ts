import type { Pool } from "pg";
import type { SessionProof } from "../../../domain/console/ports.ts";
import type { RecordedEntry, RecordingReads } from "../../../domain/console/recordings.ts";
import { proofHash } from "./sessions.ts";

interface ExchangeRow extends Omit<RecordedEntry, "day" | "requestId" | "attempt"> {
  readonly redacted: boolean;
  readonly request_data: string | null;
  readonly request_raw: Buffer | null;
  readonly request_truncated: boolean;
  readonly request_encoding: string | null;
  readonly response_data: string | null;
  readonly response_raw: Buffer | null;
  readonly response_truncated: boolean;
  readonly response_encoding: string | null;
}

/**
 * What is recorded, as a session may see it: the database decides, by functions alone.
 *
 * @param pool - of the console's login; a look at bodies writes to the audit
 */
export function databaseRecordings(pool: Pool): (proof: SessionProof) => RecordingReads {
  return (proof) => ({
    async recordings() {
      const { rows } = await pool.query<{ schema: string }>(
        "SELECT schema FROM menagerie.console_recordings() AS schema ORDER BY schema",
      );
      return rows.map(({ schema }) => schema);
    },
    async recorded({ schema, before, limit }) {
      const { rows } = await pool.query<RecordedEntry>(
        `SELECT day, request_id AS "requestId", attempt, at, url, status, failure, latency, version
           FROM menagerie.console_recorded($1, $2, $3, $4)`,
        [proofHash(proof), schema, before ?? null, limit],
      );
      return rows;
    },
    async exchange({ schema, day, requestId, attempt }) {
      const { rows } = await pool.query<ExchangeRow>("SELECT * FROM menagerie.console_body($1, $2, $3, $4, $5)", [
        proofHash(proof),
        ...[schema, day, requestId, attempt],
      ]);
      const [row] = rows;
      if (!row) return undefined;
      const { at, url, status, failure, latency, version, redacted } = row;
      return {
        at,
        url,
        status,
        failure,
        latency,
        version,
        isRedacted: redacted,
        request: {
          data: row.request_data,
          raw: row.request_raw,
          isTruncated: row.request_truncated,
          encoding: row.request_encoding,
        },
        response: {
          data: row.response_data,
          raw: row.response_raw,
          isTruncated: row.response_truncated,
          encoding: row.response_encoding,
        },
      };
    },
  });
}
