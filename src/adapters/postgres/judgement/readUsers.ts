import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { isFailure } from "../../../domain/judgement/rows.ts";
import { type DrawnUsers, userWindow } from "../../../domain/judgement/userRows.ts";
import type { Second } from "../../../domain/traffic/seconds.ts";
import { quoteIdentifier } from "../identifier.ts";
import { instant } from "../traffic/sources.ts";
import type { JudgedSide } from "./judgedRollouts.ts";

const failingStatuses = Array.from({ length: 200 }, (_, place) => 400 + place).filter(isFailure);

/**
 * Users whose side a gateway drew: by their first requests, of those that were over from `since` until `until`; and by all requests, of those who
 * were drawn `userWindow` before. Of a user whose first request took longer than that, nothing is told.
 *
 * @param schema - of both versions' recorded answers
 * @param drawnFrom - users who were drawn before do not count
 */
export async function readUsers(
  client: ClientBase,
  schema: string,
  { old, new: fresh }: Readonly<Record<"old" | "new", Pick<JudgedSide, "recordedAs">>>,
  { since, until, drawnFrom }: { readonly since: Second; readonly until: Second; readonly drawnFrom: Second },
): Promise<DrawnUsers[]> {
  const text = await readFile(join(import.meta.dirname, "judgedUsers.sql"), "utf8");
  const { rows } = await client.query<Omit<DrawnUsers, "side"> & { readonly isNew: boolean }>(
    text.replaceAll(":schema", () => quoteIdentifier(schema)),
    [
      ...[instant(since - userWindow), instant(until), instant(since), instant(until)],
      ...[old.recordedAs, fresh.recordedAs, failingStatuses, instant(drawnFrom), userWindow],
    ],
  );
  return rows.map(({ isNew, ...row }) => ({ ...row, side: isNew ? "new" : "old" }));
}
