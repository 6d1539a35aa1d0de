import type { ClientBase } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../../../src/adapters/postgres/apps.ts";
import { listTakeBacks } from "../../../../../src/adapters/postgres/releases.ts";
import { sqlState, withClient } from "../../../../../src/adapters/postgres/server.ts";
import { resumeRollout } from "../../../../../src/adapters/postgres/takeBack/resume.ts";
import { platformApps, revertApps } from "../../../../../src/adapters/postgres/takeBack/revertApps.ts";
import {
  holdMigration,
  noteStep,
  openTakeBack,
  openTakeBacks,
  readTakenBack,
} from "../../../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { actAs, inTransaction } from "../../../../../src/adapters/postgres/transaction.ts";
import { readRolloutTraffic, setTraffic } from "../../../../../src/adapters/postgres/zoo/traffic.ts";
import { withoutTakenBack } from "../../../../../src/cli/releases/takenBack.ts";
import { platformDatabase, roles } from "../../../../../src/domain/platformDatabase.ts";
import type { RestorableDeployment } from "../../../../../src/domain/release/record.ts";
import type { TrafficChanger } from "../../../../../src/domain/zoo/traffic.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { makeRollout, type TestRollout } from "../../../../support/rolloutTables.ts";

/** What a guard may do in the platform's tables, by its own login, on a real PostgreSQL. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
});

afterAll(() => postgres.stop());

/** A rollout whose apps were moved forward, and that is taken back up to the step before its apps. */
async function opened(apps = 12): Promise<{ readonly rollout: TestRollout; readonly id: string }> {
  const rollout = await makeRollout(postgres.server, apps);
  await rollout.move("forward");
  const id = await rollout.asGuard(async (client) => {
    const opened = await openTakeBack(client, rollout.intent());
    if (opened === undefined) throw new Error("the rollout was not taken back");
    await holdMigration(client, opened);
    await noteStep(client, opened, "weight");
    return opened;
  });
  return { rollout, id };
}

const as = <T>(role: string, work: Parameters<typeof withClient<T>>[2]) =>
  withClient(postgres.server, platformDatabase, async (client) => {
    await actAs(client, role);
    return work(client);
  });

/** SQLSTATE of what fails, or `ok`. */
async function stateOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "ok",
    (error: unknown) => sqlState(error) ?? String(error),
  );
}

describe("an intent", () => {
  it("is of the rollout that there is, at the generation that it has", async () => {
    const rollout = await makeRollout(postgres.server, 0);
    await rollout.query("UPDATE menagerie.rollout_traffic SET generation = 7 WHERE model_id = $1", [rollout.modelId]);
    const id = await rollout.asGuard((client) => openTakeBack(client, rollout.intent()));
    expect(await rollout.query("SELECT generation, truss_hash FROM menagerie.take_back WHERE id = $1", [id])).toEqual([
      { generation: "7", truss_hash: rollout.hash },
    ]);
  });

  it.each<[string, Partial<Parameters<TestRollout["intent"]>[0]>]>([
    ["another content", { hash: "another" }],
    ["another old version", { from: "1000000" }],
    ["another new version", { to: "1000000" }],
  ])("of %s is not written", async (_, change) => {
    const rollout = await makeRollout(postgres.server, 0);
    expect(await rollout.asGuard((client) => openTakeBack(client, rollout.intent(change)))).toBeUndefined();
    expect(await rollout.query("SELECT FROM menagerie.take_back WHERE model_id = $1", [rollout.modelId])).toEqual([]);
  });

  it.each(["copy", "done", "reverted", "off"] as const)("in phase %s is not written", async (phase) => {
    const rollout = await makeRollout(postgres.server, 0, phase);
    expect(await rollout.asGuard((client) => openTakeBack(client, rollout.intent()))).toBeUndefined();
  });

  it("is written once, whoever writes it at the same time", async () => {
    const rollout = await makeRollout(postgres.server, 0);
    const ids = await Promise.all(
      Array.from({ length: 6 }, (_, turn) =>
        rollout.asGuard((client) => openTakeBack(client, rollout.intent({ verdictId: String(9_000_000 + turn) }))),
      ),
    );
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toEqual(expect.any(String));
    expect(await rollout.query("SELECT FROM menagerie.take_back WHERE model_id = $1", [rollout.modelId])).toHaveLength(
      1,
    );
  });

  it("and its steps follow each other, and none is changed", async () => {
    const { rollout, id } = await opened(0);
    await rollout.asGuard(async (client) => {
      expect(await stateOf(noteStep(client, id, "done"))).toBe("MG024");
      await noteStep(client, id, "cannot", { why: "the old version is not ready" });
      await noteStep(client, id, "reverted");
      await noteStep(client, id, "done");
      // Again, as a guard does that was killed in between.
      for (const step of ["held", "weight", "reverted", "done"] as const) await noteStep(client, id, step);
      expect(await openTakeBacks(client)).not.toContainEqual(expect.objectContaining({ id }));
      expect(await stateOf(holdMigration(client, id))).toBe("MG024");
    });
    for (const table of ["take_back", "take_back_step"]) {
      expect(await stateOf(rollout.query(`DELETE FROM menagerie.${table}`))).toBe("23000");
    }
  });
});

describe("apps", () => {
  it("go back, those that forward moved and no others", async () => {
    const { rollout, id } = await opened();
    const all = await rollout.moved();
    expect(all).toHaveLength(12);
    const [elsewhere = "", gone = ""] = all;
    await rollout.query("UPDATE menagerie.model_version SET proxy_model_version_id = $2 WHERE id = $1", [
      elsewhere,
      rollout.from,
    ]);
    await rollout.query(
      "UPDATE menagerie.model_version SET is_current = (id = $2) WHERE model_id = $1 AND id IN ($2, $3)",
      [rollout.modelId, rollout.to, rollout.from],
    );
    const own = await withClient(postgres.server, platformDatabase, (client) =>
      createApp(client, { zooModel: rollout.model, owner: "new@example.com" }),
    );
    // Though the new version is the current one until the next `up`.
    expect(own.proxyModelVersionId).toBe(rollout.from);
    await rollout.query("UPDATE menagerie.model_version SET proxy_model_version_id = $2 WHERE id = $1", [
      own.versionId,
      rollout.to,
    ]);
    await rollout.query("DELETE FROM menagerie.model_version WHERE id = $1", [gone]);
    const batches: number[] = [];
    const back = await rollout.asGuard((client) =>
      revertApps(client, platformApps(client, id), { batchRows: 4, onBatch: (moved) => batches.push(moved.length) }),
    );
    expect(back).toEqual({ moved: 10, obstacle: undefined });
    expect(Math.max(...batches)).toBeLessThanOrEqual(4);
    expect(await rollout.moved()).toEqual([own.versionId]);
    const states = await rollout.query(
      `SELECT j.state, count(*)::integer AS count FROM menagerie.zoo_migration_row j JOIN menagerie.zoo_migration m ON m.id = j.migration_id
        WHERE m.name = $1 GROUP BY 1 ORDER BY 1`,
      [rollout.model],
    );
    expect(states).toEqual([
      { state: "changed", count: 1 },
      { state: "deleted", count: 1 },
      { state: "reverted", count: 10 },
    ]);
    expect(
      await rollout.query("SELECT direction, state, paused_at FROM menagerie.zoo_migration WHERE name = $1", [
        rollout.model,
      ]),
    ).toEqual([{ direction: "reverted", state: "done", paused_at: null }]);
    // What is over moves nothing, and an `up` that reverts finds nothing to do.
    expect(await rollout.asGuard((client) => revertApps(client, platformApps(client, id)))).toEqual({
      moved: 0,
      obstacle: undefined,
    });
    expect(await rollout.move("reverted")).toMatchObject({
      moved: 0,
      counts: { reverted: 10, changed: 1, deleted: 1 },
    });
  });

  it("go no further forward from the moment of the intent, whatever an `up` has planned", async () => {
    const rollout = await makeRollout(postgres.server, 12);
    const first = rollout.move("forward", {
      batchRows: 2,
      // On the way: the run's next batch moves nothing.
      between: () =>
        rollout.asGuard(async (client) => {
          const id = (await openTakeBack(client, rollout.intent())) ?? "";
          await holdMigration(client, id);
        }),
    });
    const sentence = new RegExp(
      `migration ${rollout.model}: taken back at 20..-..-.. ..:.. UTC \\(errors 12 of 180 against 3 of 1,620\\), so no app moves forward; set phase: reverted`,
    );
    await expect(first).rejects.toThrow(sentence);
    expect((await rollout.moved()).length).toBeLessThan(12);
    await expect(rollout.move("forward")).rejects.toThrow(sentence);
  });

  it("go forward by the plan that knows the weight: not by an older one, also where the take-back was a false alarm", async () => {
    const rollout = await makeRollout(postgres.server, 4);
    const { model } = rollout;
    await rollout.asGuard(async (client) => {
      const id = (await openTakeBack(client, rollout.intent())) ?? "";
      await holdMigration(client, id);
      await setTraffic(client, { model, weight: 0, expected: 1, by: "guard" });
      for (const step of ["weight", "reverted", "done"] as const) await noteStep(client, id, step);
    });
    await as(roles.operator, (client) => resumeRollout(client, { model, who: "ada", because: "a false alarm" }));
    await expect(rollout.move("forward", { expected: 1 })).rejects.toThrow(
      `${model}: its traffic changed since this run read it: the guard set it to 0 %; see \`menagerie rollout ${model}\`, and run \`up\` again`,
    );
    expect(await rollout.moved()).toEqual([]);
    // The next one sets the weight first, which is its own change.
    await as(roles.deployer, (client) => setTraffic(client, { model, weight: 50, expected: 2, by: "up" }));
    await rollout.move("forward", { expected: 2 });
    expect(await rollout.moved()).toHaveLength(4);
  });

  it("and a weight wait for each other: whoever comes second sees what the first did", async () => {
    const [late, early] = [await makeRollout(postgres.server, 4), await makeRollout(postgres.server, 4)];
    const lowered = (client: ClientBase, { model }: TestRollout) =>
      setTraffic(client, { model, weight: 0, expected: 1, by: "guard" });
    const isWaiting = async (query: string) => {
      const [row] = await late.query<{ waits: boolean }>(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1) AS waits",
        [query],
      );
      return row?.waits;
    };
    let moving: Promise<unknown> | undefined;
    await late.asGuard((client) =>
      inTransaction(client, async () => {
        await lowered(client, late);
        moving = late.move("forward", { expected: 1 });
        moving.catch(() => {});
        await expect.poll(() => isWaiting("%expect_traffic%")).toBe(true);
      }),
    );
    await expect(moving).rejects.toThrow("the guard set it to 0 %");
    let guarding: Promise<unknown> | undefined;
    await as(roles.migrator, (client) =>
      inTransaction(client, async () => {
        await client.query("SELECT menagerie.expect_traffic($1, 1)", [early.to]);
        guarding = early.asGuard((guard) => lowered(guard, early));
        await expect.poll(() => isWaiting("%set_traffic%")).toBe(true);
      }),
    );
    expect(await guarding).toMatchObject({ isChanged: true });
  });

  it("of a rollout that moved nobody have nowhere to go back from, and nobody moves them forward any more", async () => {
    const rollout = await makeRollout(postgres.server, 3);
    await rollout.asGuard(async (client) => {
      const id = (await openTakeBack(client, rollout.intent())) ?? "";
      await holdMigration(client, id);
      await noteStep(client, id, "weight");
      expect(await revertApps(client, platformApps(client, id))).toEqual({ moved: 0, obstacle: undefined });
    });
    await expect(rollout.move("forward")).rejects.toThrow("taken back at");
    expect(await rollout.moved()).toEqual([]);
  });

  it("stay where they are before the new version has no weight, and while somebody holds the way back", async () => {
    const rollout = await makeRollout(postgres.server, 3);
    await rollout.move("forward");
    await rollout.asGuard(async (client) => {
      const id = (await openTakeBack(client, rollout.intent())) ?? "";
      expect(await stateOf(revertApps(client, platformApps(client, id)))).toBe("MG024");
      await holdMigration(client, id);
      await noteStep(client, id, "weight");
      await client.query("SELECT * FROM menagerie.revert_taken_back($1, 1, NULL, false)", [id]);
      await rollout.query("UPDATE menagerie.zoo_migration SET paused_at = now() WHERE name = $1", [rollout.model]);
      expect((await revertApps(client, platformApps(client, id))).obstacle).toMatch(/^migration \d+ is held by hand$/);
      expect(await rollout.moved()).toHaveLength(2);
      await rollout.query("UPDATE menagerie.zoo_migration SET paused_at = NULL WHERE name = $1", [rollout.model]);
      await rollout.query("UPDATE menagerie.model_version SET status = 'inactive' WHERE id = $1", [rollout.from]);
      expect(await revertApps(client, platformApps(client, id))).toEqual({
        moved: 0,
        obstacle: "the old version is not served",
      });
      await rollout.query("UPDATE menagerie.model_version SET status = 'active' WHERE id = $1", [rollout.from]);
      expect(await revertApps(client, platformApps(client, id))).toEqual({ moved: 2, obstacle: undefined });
    });
  });

  it("that somebody makes from then on use the old version, also where the new one answered all requests", async () => {
    const rollout = await makeRollout(postgres.server, 0);
    const { model, from, to } = rollout;
    await rollout.query("UPDATE menagerie.model_version SET is_current = false WHERE id = $1", [from]);
    await rollout.query("UPDATE menagerie.model_version SET is_current = true WHERE id = $1", [to]);
    const pointsAt = async (name: string) => {
      await withClient(postgres.server, platformDatabase, (client) =>
        createApp(client, { zooModel: model, owner: "new@example.com", name: `${model}-${name}` }),
      );
      return rollout.query<{ at: string }>(
        `SELECT a.proxy_model_version_id AS at FROM menagerie.model_version a JOIN menagerie.model m ON m.id = a.model_id
          WHERE m.name = $1`,
        [`${model}-${name}`],
      );
    };
    expect(await pointsAt("before")).toEqual([{ at: to }]);
    await rollout.asGuard(async (client) => {
      const id = (await openTakeBack(client, rollout.intent())) ?? "";
      await holdMigration(client, id);
      for (let times = 0; times < 2; times += 1) await noteStep(client, id, "weight");
    });
    expect(await pointsAt("after")).toEqual([{ at: from }]);
  });

  it("that cannot be changed stay and are named, and the others go back", async () => {
    const { rollout, id } = await opened(5);
    const [, stubborn = ""] = await rollout.moved();
    await rollout.query(`CREATE FUNCTION public.refuse_${rollout.model}() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF OLD.id = ${stubborn} THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$`);
    await rollout.query(`CREATE TRIGGER refuse BEFORE UPDATE ON menagerie.model_version
      FOR EACH ROW EXECUTE FUNCTION public.refuse_${rollout.model}()`);
    try {
      const back = await rollout.asGuard((client) => revertApps(client, platformApps(client, id)));
      expect(back.moved).toBe(4);
      expect(back.obstacle).toBe(`1 app stays on the new version: ${stubborn}: not this one (SQLSTATE P0001)`);
      expect(await rollout.moved()).toEqual([stubborn]);
    } finally {
      await rollout.query("DROP TRIGGER refuse ON menagerie.model_version");
    }
    expect(await rollout.asGuard((client) => revertApps(client, platformApps(client, id)))).toEqual({
      moved: 1,
      obstacle: undefined,
    });
  });

  it("that somebody has locked go back once they are free", async () => {
    const { rollout, id } = await opened(5);
    const [locked = ""] = await rollout.moved();
    await withClient(postgres.server, platformDatabase, async (holder) => {
      await holder.query("BEGIN");
      await holder.query("SELECT FROM menagerie.model_version WHERE id = $1 FOR UPDATE", [locked]);
      let letGo: Promise<unknown> | undefined;
      const back = await rollout.asGuard((client) =>
        revertApps(client, platformApps(client, id), {
          onBatch: () => {
            letGo ??= holder.query("COMMIT");
          },
        }),
      );
      await letGo;
      expect(back).toEqual({ moved: 5, obstacle: undefined });
    });
  });
});

describe("an operator", () => {
  const resume = (rollout: TestRollout, id: string) =>
    rollout.query(
      "INSERT INTO menagerie.rollout_resume (take_back_id, who, reason) VALUES ($1, 'ada', 'a false alarm')",
      [id],
    );

  it("resumes what is over, and then a new forward moves the apps again", async () => {
    const { rollout, id } = await opened(4);
    expect(await stateOf(resume(rollout, id))).toBe("MG024");
    await rollout.asGuard(async (client) => {
      await revertApps(client, platformApps(client, id));
      await noteStep(client, id, "reverted");
      await noteStep(client, id, "done");
      expect((await readTakenBack(client)).find((each) => each.id === id)).toMatchObject({
        model: rollout.model,
        from: rollout.from,
        hash: rollout.hash,
        action: "revert",
        obstacle: null,
        doneAt: expect.any(Date),
      });
    });
    await resume(rollout, id);
    await rollout.asGuard(async (client) => {
      expect((await readTakenBack(client)).find((each) => each.id === id)).toBeUndefined();
      // The verdict that led here leads nowhere else, and the take-back moves nothing any more.
      expect(await openTakeBack(client, rollout.intent())).toBeUndefined();
      expect(await stateOf(revertApps(client, platformApps(client, id)))).toBe("MG024");
    });
    expect(await rollout.move("forward")).toMatchObject({ moved: 4, generation: 2 });
  });

  it("lets go of what the guard only held", async () => {
    const rollout = await makeRollout(postgres.server, 4);
    await rollout.move("forward");
    const id = await rollout.asGuard(async (client) => {
      const opened = (await openTakeBack(client, rollout.intent({ action: "hold" }))) ?? "";
      await holdMigration(client, opened);
      expect(await stateOf(noteStep(client, opened, "weight"))).toBe("MG024");
      await noteStep(client, opened, "done");
      return opened;
    });
    const held = () =>
      rollout.query("SELECT direction FROM menagerie.zoo_migration WHERE name = $1 AND paused_at IS NOT NULL", [
        rollout.model,
      ]);
    expect(await held()).toEqual([{ direction: "forward" }]);
    expect(await rollout.moved()).toHaveLength(4);
    await resume(rollout, id);
    expect(await held()).toEqual([]);
  });
});

describe("the release record", () => {
  it("tells a take-back with its verdict, and its content is restored and promoted by nobody until it is resumed", async () => {
    const { rollout, id } = await opened(1);
    const { model, hash } = rollout;
    const found = { tag: "v1.2.3", models: [{ name: model, hash }] } as unknown as RestorableDeployment;
    const { verdictId, reason } = rollout.intent();
    const [told, refused] = await as(roles.operator, async (client) => [
      (await listTakeBacks(client)).find((each) => each.model === model),
      await withoutTakenBack(client, found).catch((error: unknown) => error),
    ]);
    expect(told).toMatchObject({
      id,
      hash,
      action: "revert",
      settledBy: "guard",
      cause: verdictId,
      reason,
      doneAt: null,
    });
    expect(refused).toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(new RegExp(`${model}.*taken back at .*errors 12 of 180 against 3 of 1,620`)),
    });
    const other = { ...found, models: [{ name: model, hash: "another" }] } as unknown as RestorableDeployment;
    expect(await as(roles.operator, (client) => withoutTakenBack(client, other))).toBe(other);
    await rollout.asGuard(async (client) => {
      await revertApps(client, platformApps(client, id));
      for (const step of ["reverted", "done"] as const) await noteStep(client, id, step);
    });
    await as(roles.operator, (client) => resumeRollout(client, { model, who: "ada", because: "a false alarm" }));
    await as(roles.operator, async (client) => {
      expect(await withoutTakenBack(client, found)).toBe(found);
      expect((await listTakeBacks(client)).find((each) => each.model === model)).toMatchObject({
        doneAt: expect.any(Date),
        resumed: { by: "ada", because: "a false alarm" },
      });
    });
  });
});

describe("weights", () => {
  const weigh = (rollout: TestRollout, weight: number, by: TrafficChanger = "up") =>
    withClient(postgres.server, platformDatabase, async (client) => {
      const { model } = rollout;
      const held = await readRolloutTraffic(client, model);
      return setTraffic(client, { model, expected: held?.generation, weight, by });
    });

  it("are not raised once the content is taken back, and are lowered all the same", async () => {
    const rollout = await makeRollout(postgres.server, 0);
    await weigh(rollout, 60);
    await rollout.asGuard((client) => openTakeBack(client, rollout.intent()));
    await expect(weigh(rollout, 61)).rejects.toThrow(
      new RegExp(
        `^${rollout.model}: taken back at 20..-..-.. ..:.. UTC .errors 12 of 180 against 3 of 1,620., so its weight is not raised; set`,
      ),
    );
    expect(await weigh(rollout, 10)).toMatchObject({ generation: 3 });
    await expect(weigh(rollout, 60)).rejects.toThrow("taken back at");
  });

  it("are lowered by a guard, and never raised", async () => {
    const rollout = await makeRollout(postgres.server, 0);
    const { model } = rollout;
    const byGuard = (weight: number, control: number, expected: number) =>
      rollout.asGuard((client) => setTraffic(client, { model, expected, weight, control, by: "guard" }));
    expect(await byGuard(20, 0, 1)).toMatchObject({ generation: 2 });
    expect(await stateOf(byGuard(21, 0, 2))).toBe("42501");
    expect(await stateOf(byGuard(20, 5, 2))).toBe("42501");
    expect(await byGuard(0, 0, 2)).toMatchObject({ generation: 3 });
  });
});

describe("the function", () => {
  it("acts as the tables' owner, whose login nobody has, with a search path of its own", async () => {
    const rows = await withClient(postgres.server, platformDatabase, async (client) =>
      client.query<{ name: string }>(
        `SELECT p.proname AS name, pg_get_userbyid(p.proowner) AS owner, r.rolcanlogin AS login, p.proconfig AS config,
                p.prosecdef AS definer, has_function_privilege('public', p.oid, 'EXECUTE') AND p.prorettype <> 'trigger'::regtype AS everybody
           FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
          WHERE p.pronamespace = 'menagerie'::regnamespace
            AND p.proname IN ('revert_taken_back', 'open_take_back', 'follow_take_back', 'let_go_of_held', 'refuse_taken_back',
                              'refuse_higher_weight')`,
      ),
    );
    expect(rows.rows).toHaveLength(6);
    for (const { name, ...row } of rows.rows) {
      expect(row, name).toEqual({
        owner: roles.owner,
        login: false,
        definer: true,
        everybody: false,
        config: ["search_path=pg_catalog, pg_temp"],
      });
    }
  });

  it.each([-1, 5_001])("takes no batch of %i rows", async (batch) => {
    const { rollout, id } = await opened(0);
    const call = rollout.asGuard((client) =>
      client.query("SELECT * FROM menagerie.revert_taken_back($1, $2, NULL, false)", [id, batch]),
    );
    expect(await stateOf(call)).toBe("22023");
  });
});
