import { expect } from "vitest";
import type { TestPostgres } from "../../../../../../support/postgres.ts";
import { World } from "./history.ts";
import type { Step } from "./model.ts";

class Cut extends Error {}

/**
 * Forward and then back, each begun again after every cut, with users who work before the statements that `steps` name.
 * Afterwards: what users wrote is as they wrote it, rows that no user touched are where they began, and the journal's account
 * of every row is true.
 */
export async function raced(
  postgres: TestPostgres,
  steps: readonly (readonly [number, Step])[],
  cuts: readonly number[],
): Promise<void> {
  const world = await World.make(postgres, 24);
  const began = await world.rows();
  let statement = 0;
  const due = [...steps].sort(([a], [b]) => a - b);
  for (const kind of ["forward", "reverted"] as const) {
    const step: Step = kind === "forward" ? { kind, share: 100 } : { kind, revert: "journaled" };
    for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
      const before = async (number: number) => {
        statement += 1;
        while (due[0] && due[0][0] <= statement) await world.user((due.shift() as [number, Step])[1]);
        if (number === cut) throw new Cut();
      };
      await world.run(step, before).catch((error: unknown) => {
        if (!(error instanceof Cut)) throw error;
      });
    }
  }
  const rows = await world.rows();
  const journal = await world.journal();
  expect(new Set(rows.keys())).toEqual(new Set(world.model.rows.keys()));
  for (const [id, row] of rows) {
    const { name, organization } = world.model.rows.get(id) ?? {};
    // Nothing but the proxy was changed by a run.
    expect(row).toMatchObject({ name, organization });
    const pointed = world.pointed.get(id);
    if (pointed === undefined) expect([id, row.proxy]).toEqual([id, began.get(id)?.proxy]);
    // A user's pointer at another version stands; one at the old or new version may have been moved and moved back.
    else if (pointed === null || pointed === "3") expect([id, row.proxy]).toEqual([id, pointed]);
    if (!journal.has(id) && pointed !== undefined) expect([id, row.proxy]).toEqual([id, pointed]);
    if (journal.get(id) === "reverted" && pointed === undefined) expect([id, row.proxy]).toEqual([id, "1"]);
  }
  for (const [id, state] of journal) {
    expect(state).not.toBe("forward");
    if (state === "deleted") expect(rows.has(id)).toBe(false);
  }
}
