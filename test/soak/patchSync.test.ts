import { expect, test } from "vitest";
import { runSchedule } from "../unit/domain/patch/world/world.ts";

const first = Number(process.env.MENAGERIE_TEST_SEED ?? 1_000_000);
const count = Number(process.env.MENAGERIE_TEST_SCHEDULES ?? 10_000);

test(`${count} schedules of clients, replicas and faults: linear, in order, never a lie, converging (from seed ${first})`, async () => {
  const failures: string[] = [];
  const sums: Record<string, number> = {};
  for (let seed = first; seed < first + count; seed += 1) {
    try {
      const { syncs, applied, faults, stored } = await runSchedule(seed);
      for (const [name, value] of Object.entries({ ...syncs, applied, faults, stored })) {
        sums[name] = (sums[name] ?? 0) + value;
      }
    } catch (error) {
      failures.push(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  console.log(`${count} schedules: ${JSON.stringify(sums)}`);
  expect(failures).toEqual([]);
});
