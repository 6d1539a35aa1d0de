import type { ClientBase, Pool } from "pg";
import type { AppMove } from "../../domain/console/appMoves.ts";
import { platformTarget } from "./zoo/migration/target.ts";

/** How an app's pointer came where it is, the newest first: its making, and what the journals of migrations say that moved it. */
export async function readAppMoves(client: Pick<ClientBase | Pool, "query">, id: string): Promise<AppMove[]> {
  const { rows } = await client.query<AppMove>(movesQuery, [id, platformTarget.table]);
  return rows;
}

// A row that is journaled once is known by its last way there and its last way back; a revert that found it elsewhere left it.
const movesQuery = `
WITH app AS (
  SELECT v.id, v.created_at, v.proxy_model_version_id::text AS pointer
    FROM menagerie.model_version v WHERE v.model_id = $1::bigint AND v.is_current
), journal AS (
  SELECT m.name, r.*
    FROM app JOIN menagerie.zoo_migration m ON m.target = $2
    JOIN menagerie.zoo_migration_row r ON r.migration_id = m.id AND r.row_id = app.id::text
   WHERE m.name NOT LIKE 'try %'
), moves AS (
  SELECT 'forward' AS kind, j.moved_at AS at, j.old_value AS "from", j.new_value AS "to", j.name AS because
    FROM journal j WHERE j.state IN ('forward', 'reverted', 'changed')
  UNION ALL
  SELECT 'back', j.reverted_at, j.new_value, j.old_value, j.name FROM journal j WHERE j.state IN ('reverted', 'swept')
  UNION ALL
  SELECT 'made', app.created_at, NULL,
         coalesce((SELECT CASE j.state WHEN 'swept' THEN j.new_value ELSE j.old_value END
                     FROM journal j WHERE j.state <> 'skipped' ORDER BY least(j.moved_at, j.reverted_at) LIMIT 1), app.pointer), ''
    FROM app
)
SELECT s.kind, s.at, f.number AS "fromVersion", coalesce(tm.name, '') AS model, t.number AS "toVersion", s.because
  FROM moves s
  LEFT JOIN menagerie.model_version f ON f.id::text = s."from"
  LEFT JOIN menagerie.model_version t ON t.id::text = s."to"
  LEFT JOIN menagerie.model tm ON tm.id = t.model_id
 ORDER BY s.at DESC, s.kind`;
