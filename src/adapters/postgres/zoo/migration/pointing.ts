import type { Clause } from "../../../../domain/refusals/clause.ts";
import type { TargetPair } from "../../../../domain/zoo/targetApps.ts";
import { canonicalId, inspectTarget } from "./inspect.ts";
import { type MigrationConnection, readingTarget } from "./target.ts";

/** Rows of a target that point at the two versions of a pair, and why that cannot be told. */
export interface PointingRows {
  readonly counts: { readonly from: number; readonly to: number; readonly left: number };
  /** About the table as a whole. */
  readonly obstacles: readonly Clause[];
  /** Which ids the table does not have. */
  readonly unknown: readonly (keyof TargetPair)[];
}

/** Counts the rows that point at each version of each pair, those that `leave` names apart, on one connection. Only reads. */
export function readPointing(
  connection: MigrationConnection,
  pairs: readonly (TargetPair & { readonly leave?: readonly string[] | undefined })[],
): Promise<PointingRows[]> {
  return readingTarget(connection, async (client, named) => {
    const { target, obstacles } = await inspectTarget(client, named);
    const read: PointingRows[] = [];
    for (const pair of pairs) {
      const counts = { from: 0, to: 0, left: 0 };
      const unknown: (keyof TargetPair)[] = [];
      for (const key of ["from", "to"] as const) {
        if (!target || obstacles.length > 0) break;
        const { table, id: column, idType, proxy, proxyType } = target;
        const id = await canonicalId(client, idType, pair[key]);
        const { rows } = await client.query<{ there: boolean; rows: number; left: number }>(
          `SELECT EXISTS (SELECT FROM ${table} g WHERE g.${column} = $1::text::${idType}) AS there,
                  (SELECT count(*)::integer FROM ${table} v WHERE v.${proxy} = $1::text::${proxyType}) AS rows,
                  (SELECT count(*)::integer FROM ${table} v
                    WHERE v.${proxy} = $1::text::${proxyType} AND v.${column}::text = ANY ($2)) AS left`,
          [id ?? null, pair.leave ?? []],
        );
        counts[key] = rows[0]?.rows ?? 0;
        if (key === "from") counts.left = rows[0]?.left ?? 0;
        if (!rows[0]?.there) unknown.push(key);
      }
      read.push({ counts, obstacles, unknown });
    }
    return read;
  });
}
