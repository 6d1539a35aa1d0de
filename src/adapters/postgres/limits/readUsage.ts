import type { ClientBase } from "pg";
import type { OrganizationUsage, UsageRow } from "../../../domain/limits/usage.ts";
import { withLimits } from "./databaseLimits.ts";

/** Which usage to read. */
export interface UsageQuestion {
  /** Id. @default all */
  readonly organizationId?: string | undefined;
  /** First UTC day, such as `2026-11-21`. */
  readonly since: string;
  /** Rows. @default all */
  readonly limit?: number | undefined;
  /** Rows before the first. @default 0 */
  readonly offset?: number | undefined;
}

/** Usage by day, the latest first. */
export async function readUsage(
  client: Pick<ClientBase, "query">,
  { organizationId, since, limit, offset = 0 }: UsageQuestion,
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
      ORDER BY u.day DESC, o.name, u.model, u.app_id LIMIT $3 OFFSET $4`,
      [since, organizationId ?? null, limit ?? null, offset],
    ),
  );
  return rows.map((row) => ({
    ...row,
    requests: Number(row.requests),
    tokensIn: Number(row.tokensIn),
    tokensOut: Number(row.tokensOut),
  }));
}

/** What each organization used since a day, the one with the most requests first; those that used nothing too. */
export async function readOrganizationUsage(
  client: Pick<ClientBase, "query">,
  { organizationId, since, limit, offset = 0 }: UsageQuestion,
): Promise<OrganizationUsage[]> {
  const { rows } = await withLimits(() =>
    client.query<
      { name: string; days: OrganizationUsage["days"] } & Record<"requests" | "tokensIn" | "tokensOut", string>
    >(
      `SELECT o.name, coalesce(sum(d.requests), 0) AS requests, coalesce(sum(d.tokens_in), 0) AS "tokensIn",
              coalesce(sum(d.tokens_out), 0) AS "tokensOut",
              coalesce(json_object_agg(d.day, d.requests) FILTER (WHERE d.requests > 0), '{}') AS days
         FROM menagerie.organization o
         LEFT JOIN (SELECT organization_id, day, sum(requests) AS requests, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out
                      FROM menagerie.usage WHERE day >= $1 GROUP BY organization_id, day) d ON d.organization_id = o.id
        WHERE $2::bigint IS NULL OR o.id = $2
        GROUP BY o.id, o.name ORDER BY 2 DESC, o.name LIMIT $3 OFFSET $4`,
      [since, organizationId ?? null, limit ?? null, offset],
    ),
  );
  return rows.map(({ name, days, ...summed }) => ({
    name,
    days,
    requests: Number(summed.requests),
    tokensIn: Number(summed.tokensIn),
    tokensOut: Number(summed.tokensOut),
  }));
}
