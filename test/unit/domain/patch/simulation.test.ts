import { expect, test } from "vitest";
import { runSchedule } from "./world/world.ts";

const first = Number(process.env.MENAGERIE_TEST_SEED ?? 1);
const count = Number(process.env.MENAGERIE_TEST_SCHEDULES ?? 300);

test(`${count} schedules of clients, replicas and faults: linear, in order, never a lie, converging (from seed ${first})`, async () => {
  const states = new Set<string>();
  for (let seed = first; seed < first + count; seed += 1) {
    const tally = await runSchedule(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    });
    for (const [state, times] of Object.entries(tally.syncs)) if (times > 0) states.add(state);
  }
  // A simulation in which nothing goes wrong would prove nothing.
  expect([...states].sort()).toEqual(expect.arrayContaining(["crashed", "failed", "recreate", "synced", "unsettled"]));
}, 120_000);
