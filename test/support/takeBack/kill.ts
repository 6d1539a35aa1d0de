import { join } from "node:path";
import { expect } from "vitest";
import type { DatabaseServer } from "../../../src/adapters/postgres/server.ts";
import { openTakeBacks } from "../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { roles } from "../../../src/domain/platformDatabase.ts";
import { goOn, takeBack } from "../../../src/services/guard/takeBack.ts";
import type { KillPoint } from "../killing/killedAtPoints.ts";
import { killedProcess } from "../killing/killedProcess.ts";
import { rolePassword } from "../platformTables.ts";
import { makeRollout, type TestRollout } from "../rolloutTables.ts";
import { tablePorts } from "./gatewayTable.ts";
import type { KilledTakeBacks } from "./killedTakeBacks.ts";

/** Kills a guard at each of the points, each with a rollout of its own, and answers which take-backs that cut off. */
async function killedAt(rollouts: readonly TestRollout[], points: readonly KillPoint[]): Promise<boolean[]> {
  const [first] = rollouts;
  if (!first) return [];
  const runs = rollouts.map((rollout, place) => ({ intent: rollout.intent(), point: points[place] as KillPoint }));
  const server = { ...first.server, user: roles.guard, password: rolePassword };
  const job: KilledTakeBacks = { server, runs };
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
    expect(await standing(rollout), point).toEqual({
      onNew: [],
      journal: [{ state: "reverted", count: apps }],
      migration: [{ direction: "reverted", state: "done", held: false }],
      intents: 1,
      steps: ["done", "held", "reverted", "weight"],
      weights: [{ generation: "2", weight: 0, applied: true }],
      gateway: [{ generation: "2", weight: 0 }],
    });
  }
  return cut.filter(Boolean).length;
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
    journal: await query(
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
