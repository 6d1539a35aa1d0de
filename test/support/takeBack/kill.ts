import { join } from "node:path";
import { expect } from "vitest";
import { type DatabaseServer, withClient } from "../../../src/adapters/postgres/server.ts";
import { openTakeBacks } from "../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { roles } from "../../../src/domain/platformDatabase.ts";
import { goOn, takeBack } from "../../../src/services/guard/takeBack.ts";
import type { KillPoint } from "../killing/killedAtPoints.ts";
import { killedProcess } from "../killing/killedProcess.ts";
import { rolePassword } from "../platformTables.ts";
import { makeRollout, type TestRollout } from "../rolloutTables.ts";
import { type ApplicationApps, applicationServer, appsOf } from "./applicationApps.ts";
import { tablePorts } from "./gatewayTable.ts";
import type { KilledTakeBacks } from "./killedTakeBacks.ts";

/** Kills a guard at each of the points, each with a rollout of its own, and answers which take-backs that cut off. */
async function killedAt(
  rollouts: readonly TestRollout[],
  points: readonly KillPoint[],
  apps?: DatabaseServer,
): Promise<boolean[]> {
  const [first] = rollouts;
  if (!first) return [];
  const runs = rollouts.map((rollout, place) => ({ intent: rollout.intent(), point: points[place] as KillPoint }));
  const server = { ...first.server, user: roles.guard, password: rolePassword };
  const job: KilledTakeBacks = { server, runs, apps };
  return killedProcess(join(import.meta.dirname, "killedTakeBacks.ts"), job, runs.length);
}

/**
 * Kills a guard at each of the points, lets another one go on, and checks that everything happened once and nothing is in between: every
 * app is where it was before the rollout moved it, the journal says so, the gateway and the database have one weight of 0, and the
 * intent and each step are there once. Answers how many take-backs were cut off.
 */
export async function killedAndResumed(
  server: DatabaseServer,
  points: readonly KillPoint[],
  apps = 10,
): Promise<number> {
  const rollouts: TestRollout[] = [];
  for (const _ of points) {
    const rollout = await makeRollout(server, apps);
    await rollout.move("forward");
    rollouts.push(rollout);
  }
  const cut = await killedAt(rollouts, points);
  for (const [place, rollout] of rollouts.entries()) {
    const point = `${points[place]?.when} statement ${points[place]?.statement}`;
    await rollout.asGuard(async (client) => {
      const ports = tablePorts(client);
      // As a guard's turn does: what is under way, then what is bad.
      const open = (await openTakeBacks(client)).find((each) => each.model === rollout.model);
      if (open) expect(await goOn(ports, open), point).toEqual({ state: "done" });
      await takeBack(ports, rollout.intent());
    });
    await expectTakenBack(rollout, point, apps);
  }
  return cut.filter(Boolean).length;
}

/** The same, of apps in an existing database as well: the guard is killed at these points of its statements there. */
export async function killedElsewhere(
  server: DatabaseServer,
  application: DatabaseServer,
  points: readonly KillPoint[],
  apps = 10,
): Promise<number> {
  const made: { readonly rollout: TestRollout; readonly there: ApplicationApps }[] = [];
  for (const _ of points) {
    const rollout = await makeRollout(server, apps);
    const there = await appsOf(rollout, application, apps);
    await rollout.move("forward");
    await there.move("forward");
    made.push({ rollout, there });
  }
  const guard = applicationServer(application, "guard");
  const cut = await killedAt(
    made.map(({ rollout }) => rollout),
    points,
    guard,
  );
  for (const [place, { rollout, there }] of made.entries()) {
    const point = `${points[place]?.when} statement ${points[place]?.statement} elsewhere`;
    await rollout.asGuard(async (client) => {
      const ports = tablePorts(client, undefined, (work) => withClient(guard, guard.maintenanceDatabase, work));
      const open = (await openTakeBacks(client)).find((each) => each.model === rollout.model);
      if (open) expect(await goOn(ports, open), point).toEqual({ state: "done" });
      await takeBack(ports, rollout.intent());
    });
    await expectTakenBack(rollout, point, apps);
    expect(await there.moved(), point).toEqual([]);
    const journal = await there.query(
      `SELECT m.direction, m.state, m.paused_at IS NOT NULL AS held, j.state AS rows, count(*)::integer AS count
         FROM menagerie_migrations.zoo_migration m JOIN menagerie_migrations.zoo_migration_row j ON j.migration_id = m.id
        WHERE m.target = $1 GROUP BY 1, 2, 3, 4`,
      [`"public"."${there.connection.existing.table}"`],
    );
    expect(journal, point).toEqual([
      { direction: "reverted", state: "done", held: false, rows: "reverted", count: apps },
    ]);
  }
  return cut.filter(Boolean).length;
}

/**
 * Checks that no app is on the new version, that the journal says so, that gateway and database have one weight of 0, and that the intent
 * and each step are there once. Answers how many apps had been moved and are back.
 *
 * @param moved - how many that has to be. Default: any number
 */
export async function expectTakenBack(rollout: TestRollout, point: string, moved?: number): Promise<number> {
  const found = await standing(rollout);
  const back = moved ?? found.journal[0]?.count ?? 0;
  // The migration of an `up` that never came so far is not there.
  const isThere = moved !== undefined || found.migration.length > 0;
  const { generation } = found.row;
  expect(found, point).toEqual({
    onNew: [],
    journal: back === 0 ? [] : [{ state: "reverted", count: back }],
    migration: isThere ? [{ direction: "reverted", state: "done", held: false }] : [],
    intents: 1,
    steps: ["done", "held", "reverted", "weight"],
    weights: [{ generation, weight: 0, applied: true }],
    row: { generation, weight: 0 },
    gateway: [{ generation, weight: 0 }],
  });
  return back;
}

async function standing(rollout: TestRollout) {
  const { model, modelId, query } = rollout;
  const steps = await query<{ step: string }>(
    `SELECT step FROM menagerie.take_back_step s JOIN menagerie.take_back t ON t.id = s.take_back_id
      WHERE t.model_id = $1 ORDER BY step`,
    [modelId],
  );
  return {
    onNew: await rollout.moved(),
    journal: await query<{ state: string; count: number }>(
      `SELECT j.state, count(*)::integer AS count FROM menagerie.zoo_migration_row j
         JOIN menagerie.zoo_migration m ON m.id = j.migration_id WHERE m.name = $1 GROUP BY 1 ORDER BY 1`,
      [model],
    ),
    migration: await query(
      "SELECT direction, state, paused_at IS NOT NULL AS held FROM menagerie.zoo_migration WHERE name = $1",
      [model],
    ),
    intents: (await query("SELECT FROM menagerie.take_back WHERE model_id = $1", [modelId])).length,
    steps: steps.map(({ step }) => step),
    weights: await query(
      `SELECT generation, weight, applied_at IS NOT NULL AS applied FROM menagerie.rollout_traffic_step
        WHERE model_id = $1 AND changed_by = 'guard' ORDER BY id`,
      [modelId],
    ),
    row: (
      await query<{ generation: string; weight: number }>(
        "SELECT generation, weight FROM menagerie.rollout_traffic WHERE model_id = $1",
        [modelId],
      )
    )[0] ?? { generation: "0", weight: Number.NaN },
    gateway: await query("SELECT generation, weight FROM public.gateway WHERE model = $1", [model]),
  };
}

/** The statements of one take-back, and the moments of each at which a guard may be killed. */
export function everyPoint(statements: number): KillPoint[] {
  const moments = ["before", "sent", "after"] as const;
  return Array.from({ length: statements }, (_, place) =>
    moments.map((when): KillPoint => ({ statement: place + 1, when })),
  ).flat();
}
