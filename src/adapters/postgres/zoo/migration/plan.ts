import type { ClientBase } from "pg";
import {
  type MigrationObstacle,
  type MigrationRequest,
  type PlannedJournal,
  requestIssues,
  type ZooMigrationPlan,
} from "../../../../domain/zoo/migration.ts";
import { estimateSeconds } from "../../../../domain/zoo/migrationPace.ts";
import { pointingRefusal } from "../../../../domain/zoo/pointing.ts";
import { inTransaction } from "../../transaction.ts";
import { readPointedVersions } from "../pointedVersions.ts";
import { openTakeBackOf } from "./guarded.ts";
import { canonicalId, type InspectedTarget, inspectTarget } from "./inspect.ts";
import { type JournaledMigration, listMigrations } from "./journal.ts";
import { plannerSettings } from "./planner.ts";
import { countForward, countPointing, countRevert, countSweep, type Statement } from "./statements.ts";
import { type MigrationConnection, type MigrationTarget, platformTarget, readingTarget } from "./target.ts";

/** A request whose new version may not be registered yet. */
export type PlannedMigration = Omit<MigrationRequest, "to"> & { readonly to: string | undefined };

/** Longest chain of pointers that is followed. */
const longestChain = 100;

/**
 * What a migration would do, read and not done: rows, users and time, and why it would be refused. The caller judges the map
 * as a whole by `mapIssues`. Where `to` is not known yet nothing is checked about it.
 * @throws DatabaseUnreachable when the server does not answer.
 */
export function planZooMigration(
  connection: MigrationConnection,
  request: PlannedMigration,
): Promise<ZooMigrationPlan> {
  return readingTarget(connection, (client, target) => planOn(client, target, request));
}

/** {@link planZooMigration} on a connection. */
export async function planOn(
  client: ClientBase,
  target: MigrationTarget,
  request: PlannedMigration,
): Promise<ZooMigrationPlan> {
  const { target: inspected, obstacles: found, notes } = await inspectTarget(client, target);
  const obstacles: MigrationObstacle[] = [...found, ...requestIssues({ ...request, to: request.to ?? "" })];
  if (request.share !== undefined && request.share < 100 && target.organization === undefined) {
    const [problem, fix] = ["the table's organizations are not known", "give organizationColumn, or remove share"];
    obstacles.push({ about: "share", problem, fix });
  }
  const nothing = { rows: 0, users: null, estimatedSeconds: 0, obstacles, notes, journaled: undefined };
  if (!inspected || found.length > 0) return nothing;
  if (await isReadOnly(client)) {
    obstacles.push({
      problem: `${target.table}: the server or the login is read-only, so no row can move`,
      fix: "give the primary's address and a login that may write",
    });
  }
  const ids = await canonicalIds(client, inspected, request, obstacles);
  if (!ids) return nothing;
  await client.query(plannerSettings);
  // Outside the transaction, which a missing journal would end.
  const all = await listMigrations(client, inspected);
  return inTransaction(
    client,
    async () => {
      obstacles.push(...(await versionIssues(client, inspected, ids, request)));
      const known = ids.to === undefined ? undefined : all.find(({ from, to }) => from === ids.from && to === ids.to);
      const { rows, users } = await count(client, statement(inspected, request, ids, known, all.length > 0));
      const rate = all.find(({ rowsPerSecond }) => rowsPerSecond !== null)?.rowsPerSecond ?? undefined;
      const estimatedSeconds = estimateSeconds(rows, rate, request.rowsPerSecond);
      const takeBack =
        ids.to === undefined ? undefined : await openTakeBackOf(client, inspected, { from: ids.from, to: ids.to });
      const journaled = known && { ...journaledPlan(known), ...(takeBack === undefined ? {} : { takeBack }) };
      return { rows, users, estimatedSeconds, obstacles, notes, journaled };
    },
    { readOnly: true },
  );
}

function journaledPlan({ id, direction, share, pausedAt, changedAt }: JournaledMigration): PlannedJournal {
  return { id, direction, share, held: pausedAt !== null, changedAt };
}

/** A standby, or a login whose transactions are read-only by default. */
async function isReadOnly(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ is: boolean }>(
    "SELECT current_setting('transaction_read_only')::boolean AS is",
  );
  return rows[0]?.is ?? false;
}

interface PlannedIds {
  readonly from: string;
  readonly to: string | undefined;
}

async function canonicalIds(
  client: ClientBase,
  { idType }: InspectedTarget,
  request: PlannedMigration,
  obstacles: MigrationObstacle[],
): Promise<PlannedIds | undefined> {
  const read = async (key: "from" | "to", given: string) => {
    const id = await canonicalId(client, idType, given);
    if (id === undefined) {
      obstacles.push({ about: key, problem: `"${given}" is not an id of type ${idType}`, fix: "give a version's id" });
    }
    return id;
  };
  const from = await read("from", request.from);
  const to = request.to === undefined ? undefined : await read("to", request.to);
  return from === undefined || (request.to !== undefined && to === undefined) ? undefined : { from, to };
}

/** Versions that do not exist, and pointers that would go round. */
async function versionIssues(
  client: ClientBase,
  { table, id, idType, proxy }: InspectedTarget,
  { from, to }: PlannedIds,
  { direction }: PlannedMigration,
): Promise<MigrationObstacle[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT v.${id}::text AS id FROM ${table} v WHERE v.${id} IN ($1::text::${idType}, $2::text::${idType})`,
    [from, to ?? null],
  );
  const there = new Set(rows.map((row) => row.id));
  const issues: MigrationObstacle[] = [];
  const missing = (about: "from" | "to", version: string): MigrationObstacle => {
    return { about, problem: `there is no version ${version} in ${table}`, fix: "it was deleted, or the id is wrong" };
  };
  if (!there.has(from)) issues.push(missing("from", from));
  if (to === undefined) return issues;
  if (!there.has(to)) issues.push(missing("to", to));
  // The version that rows will point at, and the one that they are moved away from.
  const [goal, left] = direction === "forward" ? [to, from] : [from, to];
  if (issues.length === 0 && table === platformTarget.table) {
    const versions = await readPointedVersions(client, [goal, left]);
    const [version, other] = [versions.get(goal), versions.get(left)];
    const refused = version && pointingRefusal(direction, version, other);
    if (refused !== undefined) issues.push(refused);
    if (!version || !other)
      issues.push({
        problem: `${version ? left : goal} is an app and no version of a zoo model`,
        fix: "give a version's id",
      });
  }
  // Its answers must not come from where rows are moved away from.
  const cycle = await client.query(
    `WITH RECURSIVE chain (version, depth) AS (
       SELECT v.${proxy}::text, 1 FROM ${table} v WHERE v.${id} = $1::text::${idType}
       UNION ALL
       SELECT v.${proxy}::text, depth + 1 FROM chain JOIN ${table} v ON v.${id} = chain.version::${idType}
        WHERE depth < ${longestChain}
     ) SELECT FROM chain WHERE version = $2 LIMIT 1`,
    [goal, left],
  );
  if (cycle.rowCount !== 0) {
    const problem = `version ${goal} points at ${left} itself, so its answers would still come from there`;
    issues.push({ problem, fix: "point it elsewhere" });
  }
  return issues;
}

function statement(
  target: InspectedTarget,
  { name, direction, revert, share = 100 }: PlannedMigration,
  { from, to = "" }: PlannedIds,
  known: JournaledMigration | undefined,
  journal: boolean,
): Statement | undefined {
  if (direction === "reverted") {
    if (revert === "all" && to !== "") return countSweep(target, known ?? { from, to });
    return known && countRevert(target, known);
  }
  if (!journal || !known) return countPointing(target, { name, from, to, share });
  const generation = known.generation + (known.direction === "reverted" ? 1 : 0);
  const reached = known.direction === "reverted" ? share : Math.max(share, known.share);
  return countForward(target, { ...known, name, generation, share: reached });
}

async function count(
  client: ClientBase,
  planned: Statement | undefined,
): Promise<{ readonly rows: number; readonly users: number | null }> {
  if (!planned) return { rows: 0, users: 0 };
  const { rows } = await client.query<{ rows: number; users: number | null }>(planned.text, [...planned.values]);
  return rows[0] ?? { rows: 0, users: null };
}
