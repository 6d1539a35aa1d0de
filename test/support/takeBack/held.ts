import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { ClientBase } from "pg";
import { expect } from "vitest";
import {
  type DatabaseServer,
  DatabaseUnreachable,
  isDatabaseDown,
  withClient,
} from "../../../src/adapters/postgres/server.ts";
import { openTakeBacks } from "../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { recordEvidence } from "../../../src/adapters/postgres/zoo/gateEvidence.ts";
import { platformDatabase, roles } from "../../../src/domain/platformDatabase.ts";
import { goOn, type TakeBackPorts, takeBack } from "../../../src/services/guard/takeBack.ts";
import { HeldRuns, type Hold } from "../killing/heldRuns.ts";
import type { KillPoint } from "../killing/killedAtPoints.ts";
import type { TestPostgres } from "../postgres.ts";
import { makeRollout, type TestRollout } from "../rolloutTables.ts";
import { tablePorts } from "./gatewayTable.ts";
import { gate, goForward, planForward } from "./goForward.ts";
import { expectTakenBack } from "./kill.ts";
import type { KilledUps } from "./killedUps.ts";

/** What a guard's turn does of one rollout, again after the database was away, until it is over. */
async function guarded(rollout: TestRollout, hold: Hold, portsOf: GuardPortsOf = tablePorts): Promise<void> {
  for (let own = hold; ; own = (client) => client) {
    try {
      return await rollout.asGuard(async (client) => {
        const ports = portsOf(own(client));
        const open = (await openTakeBacks(ports.client)).find((each) => each.model === rollout.model);
        if (open) expect(await goOn(ports, open)).toEqual({ state: "done" });
        expect(await takeBack(ports, rollout.intent())).toEqual({ state: "done" });
      });
    } catch (error) {
      if (!isDatabaseDown(error) && !(error instanceof DatabaseUnreachable)) throw error;
      await delay(200);
    }
  }
}

/** What a guard works on, by its client. */
export type GuardPortsOf = (client: ClientBase) => TakeBackPorts;

/** Rollouts whose apps `forward` has moved, one for each of the points. */
export async function movedForward(
  server: DatabaseServer,
  points: readonly KillPoint[],
  apps: number,
): Promise<TestRollout[]> {
  const rollouts: TestRollout[] = [];
  for (const _ of points) {
    const rollout = await makeRollout(server, apps);
    await rollout.move("forward");
    rollouts.push(rollout);
  }
  return rollouts;
}

/**
 * Does `fault` while guards that live on are at these points of taking the rollouts back, one each, and lets them go on. Checks that everything
 * happened once; answers how many were in the middle.
 *
 * @param losesAnswers - guards that stop after a statement never see its answer. Default: they do
 * @param portsOf - what the guards work on. Default: the database, with a table as gateway
 */
export async function faultAt(
  { rollouts, points, apps }: { rollouts: readonly TestRollout[]; points: readonly KillPoint[]; apps: number },
  fault: () => Promise<unknown>,
  { losesAnswers = false, portsOf }: { losesAnswers?: boolean; portsOf?: GuardPortsOf } = {},
): Promise<number> {
  const held = new HeldRuns(points.length, { losesAnswers });
  const guards = Promise.all(
    rollouts.map((rollout, place) => held.run(points[place] as KillPoint, (hold) => guarded(rollout, hold, portsOf))),
  );
  await Promise.race([held.ready, guards]);
  await held.send();
  await fault();
  held.resume();
  await guards;
  for (const [place, rollout] of rollouts.entries()) await expectTakenBack(rollout, named(points[place]), apps);
  return held.stopped;
}

/** {@link faultAt}: stops the database at once, as a power cut would, and starts it again. */
export async function databaseStoppedAt(postgres: TestPostgres, points: readonly KillPoint[], apps = 10) {
  const rollouts = await movedForward(postgres.server, points, apps);
  const fault = async () => {
    await postgres.crash();
    await postgres.restart();
  };
  return faultAt({ rollouts, points, apps }, fault, { losesAnswers: true });
}

/** Where an `up` is, and where its guard, when the first of them ends. */
export interface Meeting {
  readonly up: KillPoint;
  readonly guard: KillPoint;
}

/**
 * Lets an `up` go forward to its point and a guard that takes the same rollout back to its own, and kills the `up` with SIGKILL there, or
 * lets both go on. Checks that no app is left on the new version, that the weight is 0 once, and that the same `up` again is refused.
 * Answers how many of each were at their point, and how each `up` ended.
 */
export async function metByUps(postgres: TestPostgres, meetings: readonly Meeting[], end: "kill" | "go", apps = 10) {
  const { server } = postgres;
  const rollouts: TestRollout[] = [];
  for (const _ of meetings) {
    const rollout = await makeRollout(server, apps, "version");
    const { model, hash } = rollout;
    await withClient(server, platformDatabase, (client) =>
      recordEvidence(client, { model, hash, ...gate, passed: true, evidence: {} }),
    );
    rollouts.push(rollout);
  }
  const plans = await Promise.all(rollouts.map(planForward));
  const job: KilledUps = {
    server,
    runs: plans.map((plan, place) => ({ plan, point: meetings[place]?.up as KillPoint })),
  };
  const ups = startUps(job);
  await ups.ready;
  const held = new HeldRuns(meetings.length);
  const guards = Promise.all(
    rollouts.map((rollout, place) => held.run(meetings[place]?.guard as KillPoint, (hold) => guarded(rollout, hold))),
  );
  // Those that wait for a lock of their `up` get no further.
  await expect
    .poll(async () => held.arrived + (await waiting(server)), { timeout: 120_000 })
    .toBeGreaterThanOrEqual(meetings.length);
  const endings = await ups.end(end, () => held.resume());
  held.resume();
  await guards;
  for (const [place, rollout] of rollouts.entries()) {
    const { up, guard } = meetings[place] as Meeting;
    const point = `up ${named(up)}, guard ${named(guard)}`;
    const moved = await expectTakenBack(rollout, point);
    const plan = await planForward(rollout);
    const again = withClient(server, platformDatabase, (client) => goForward(client, plan));
    await expect(again, point).rejects.toThrow(/taken back at/);
    expect(await expectTakenBack(rollout, `${point}, and another up`), point).toEqual(moved);
  }
  return { guards: held.stopped, endings };
}

function startUps(job: KilledUps) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "killedUps.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.write(`${JSON.stringify(job)}\n`);
  return {
    ready: lines.next().then(({ value }) => expect(value).toBe("ready")),
    /** @param meanwhile - called once those that go on have begun to */
    async end(how: "kill" | "go", meanwhile: () => void): Promise<(string | null)[]> {
      child.stdin.write(`${how}\n`);
      if (how === "go") meanwhile();
      const endings: (string | null)[] = [];
      for (let next = await lines.next(); !next.done; next = await lines.next()) endings.push(JSON.parse(next.value));
      expect(await exited).toEqual(how === "kill" ? [null, "SIGKILL"] : [0, null]);
      return endings;
    },
  };
}

/** Guards that wait for a lock. */
async function waiting(server: TestPostgres["server"]): Promise<number> {
  return withClient(server, platformDatabase, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      "SELECT count(*)::integer AS count FROM pg_stat_activity WHERE usename = $1 AND wait_event_type = 'Lock'",
      [roles.guard],
    );
    return rows[0]?.count ?? 0;
  });
}

const named = (point: KillPoint | undefined): string => `${point?.when} statement ${point?.statement}`;
