import type { ClientBase } from "pg";
import type { UsageRow } from "../../../domain/limits/usage.ts";
import { withLimits } from "./databaseLimits.ts";

/** Which usage to read. */
export interface UsageQuestion {
  /** Id. @default all */
  readonly organizationId?: string | undefined;
  /** First UTC day, such as `2026-11-21`. */
  readonly since: string;
}

/** Usage by day, the latest first. */
export async function readUsage(
  client: Pick<ClientBase, "query">,
  { organizationId, since }: UsageQuestion,
): Promise<UsageRow[]> {
  const { rows } = await withLimits(() =>
    client.query<
      Omit<UsageRow, "requests" | "tokensIn" | "tokensOut"> & { requests: string; tokensIn: string; tokensOut: string }
    >(
      `SELECT o.name AS organization, nullif(u.app_id, 0)::text AS app, m.name AS "appName", u.model, u.day::text AS day,
            u.requests, u.tokens_in AS "tokensIn", u.tokens_out AS "tokensOut"
       FROM menagerie.usage u
       JOIN menagerie.organization o ON o.id = u.organization_id
       LEFT JOIN menagerie.model m ON m.id = u.app_id
      WHERE u.day >= $1 AND ($2::bigint IS NULL OR u.organization_id = $2)
      ORDER BY u.day DESC, o.name, u.model, u.app_id`,
      [since, organizationId ?? null],
    ),
  );
  return rows.map((row) => ({
    ...row,
    requests: Number(row.requests),
    tokensIn: Number(row.tokensIn),
    tokensOut: Number(row.tokensOut),
  }));
}
