import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeDeployment, openDeployment } from "../../../../src/adapters/postgres/deployments.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { openTakeBacks, readTakenBack } from "../../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { actAs } from "../../../../src/adapters/postgres/transaction.ts";
import { recordPhase } from "../../../../src/adapters/postgres/zoo/rollouts.ts";
import { readRolloutTraffic, setTraffic } from "../../../../src/adapters/postgres/zoo/traffic.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import type { OldVersion } from "../../../../src/domain/zoo/takeBackWeight.ts";
import { zooMigration } from "../../../../src/resources/zooMigration.handler.ts";
import { type GuardNews, guardTurn } from "../../../../src/services/guard/guard.ts";
import { goOn, takeBack } from "../../../../src/services/guard/takeBack.ts";
import { intentOf, run, serving } from "../../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { makeRollout, type TestRollout } from "../../../support/rolloutTables.ts";
import { gatewayTable, tablePorts } from "../../../support/takeBack/gatewayTable.ts";
import { databaseStoppedAt, metByUps } from "../../../support/takeBack/held.ts";
import { everyPoint, killedAndResumed } from "../../../support/takeBack/kill.ts";

/** A guard takes rollouts back, on a real PostgreSQL and with a table in the gateway's place. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await onPlatform((client) => client.query(gatewayTable));
});

afterAll(() => postgres.stop());

const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]) =>
  withClient(postgres.server, platformDatabase, work);
const gatewayOf = async ({ model, query }: TestRollout) =>
  (await query<{ weight: number }>("SELECT weight FROM public.gateway WHERE model = $1", [model]))[0]?.weight;
const ready: OldVersion = { ready: 2, wanted: 2, sleeps: false };

describe("a take-back", () => {
  it("holds, takes the weight, moves the apps back, and is over", async () => {
    const rollout = await makeRollout(postgres.server, 10);
    await rollout.move("forward");
    await rollout.asGuard(async (client) => {
      expect(await takeBack(tablePorts(client), rollout.intent())).toEqual({ state: "done" });
      expect(await takeBack(tablePorts(client), rollout.intent())).toEqual({ state: "done" });
    });
    expect(await rollout.moved()).toEqual([]);
    expect(await gatewayOf(rollout)).toBe(0);
  });

  it("waits for no `up`: a forward in its middle ends with the sentence, and no app is left in between", async () => {
    const rollout = await makeRollout(postgres.server, 40);
    let guarding: unknown;
    const up = rollout.move("forward", {
      batchRows: 3,
      async between() {
        guarding = await rollout.asGuard((client) => takeBack(tablePorts(client), rollout.intent()));
      },
    });
    await expect(up).rejects.toThrow(/taken back at .*, so no app moves forward/);
    expect(guarding).toEqual({ state: "done" });
    expect(await rollout.moved()).toEqual([]);
    await expect(rollout.move("forward")).rejects.toThrow("taken back at");
    expect(await rollout.moved()).toEqual([]);
  });

  it("stays as it is with an `up` that knows of it, whatever else that changes of the apps", async () => {
    const rollout = await makeRollout(postgres.server, 4);
    const { model: name, from, to, asGuard } = rollout;
    const declared = { name, from, to, direction: "forward" as const, database: urlOf(postgres.server, "postgres") };
    await asGuard((client) => takeBack(tablePorts(client), rollout.intent({ action: "hold" })));
    const before = await zooMigration.create({ ...declared, share: 10, takenBack: true });
    expect(before.outs).toMatchObject({ migrationId: "", state: "paused", counts: { forward: 0 }, file: "" });
    expect(await zooMigration.exists?.(before.id, before.outs)).toBe(true);

    const moved = await makeRollout(postgres.server, 4);
    const known = { ...declared, name: moved.model, from: moved.from, to: moved.to };
    await moved.move("forward");
    await moved.asGuard((client) => takeBack(tablePorts(client), moved.intent()));
    const olds = (await zooMigration.create({ ...known, share: 10, takenBack: true })).outs;
    const outs = await zooMigration.update("", olds, { ...known, share: 100, takenBack: true });
    expect(outs).toMatchObject({ generation: 1, state: "paused", counts: { forward: 0, reverted: 4 } });
    await expect(zooMigration.update("", olds, { ...known, share: 100 })).rejects.toThrow("taken back at");
    expect(await moved.moved()).toEqual([]);
  });

  it("between an `up`'s last step and its end is what that ends with", async () => {
    const { model, asGuard, intent, hash } = await makeRollout(postgres.server, 2);
    await onPlatform(async (client) => {
      const intended = await intentOf(client, model, { [model]: 2 });
      const planned = intended.planned.map((each) => ({ ...each, hash }));
      const id = await openDeployment(client, { ...intended, planned }, run, async () => []);
      await asGuard((guard) => takeBack(tablePorts(guard), intent()));
      const { judgement, takenBack } = await closeDeployment(client, model, id, async () => serving({ [model]: 1 }));
      expect(judgement).toEqual({ outcome: "mixed", reason: `${model}: v1 instead of v2` });
      expect(takenBack).toMatchObject([{ model, hash, action: "revert" }]);
    });
  });

  it("and a person's `phase: reverted` in its middle do the same work once", async () => {
    const rollout = await makeRollout(postgres.server, 40);
    await rollout.move("forward");
    let up: Promise<unknown> | undefined;
    await rollout.asGuard(async (client) => {
      const ports = tablePorts(client);
      const traffic = {
        ...ports.traffic,
        async apply(model: string) {
          await ports.traffic.apply(model);
          await rollout.query("UPDATE menagerie.rollout SET phase = 'reverted' WHERE model_id = $1", [rollout.modelId]);
          // Where it is earlier than the guard's first batch, it ends at the hold.
          up = rollout
            .move("reverted", { batchRows: 3 })
            .catch((error: unknown) => expect(String(error)).toContain("is held by hand"));
        },
      };
      expect(await takeBack({ ...ports, traffic }, rollout.intent())).toEqual({ state: "done" });
    });
    await up;
    expect(await rollout.moved()).toEqual([]);
    const states = await rollout.query(
      `SELECT DISTINCT j.state FROM menagerie.zoo_migration_row j JOIN menagerie.zoo_migration m ON m.id = j.migration_id WHERE m.name = $1`,
      [rollout.model],
    );
    expect(states).toEqual([{ state: "reverted" }]);
  });

  it.each([
    ["a higher traffic", { weight: 70 }, /so its weight is not raised/],
    ["a later phase", { phase: "bake" }, /"bake" is refused: taken back at/],
    ["new content", { phase: "copy", hash: "c".repeat(64) }, /is a step back from forward/],
    ["other content in the same phase", { phase: "forward", hash: "c".repeat(64) }, /changed/],
    ["the end of the rollout", { phase: "off" }, /is a step back from forward/],
  ] as const)("is not kept from its end by a person who asks for %s in its middle", async (_, asked, sentence) => {
    const rollout = await makeRollout(postgres.server, 5);
    await rollout.move("forward");
    const { model, from, hash } = rollout;
    const request = { model, organization: "admin", from, hash, gates: [], bakeSeconds: 0 };
    const up = () =>
      onPlatform(async (client) => {
        await actAs(client, roles.deployer);
        if (!("weight" in asked)) return void (await recordPhase(client, { ...request, ...asked }));
        const expected = (await readRolloutTraffic(client, model))?.generation;
        await setTraffic(client, { model, expected, weight: asked.weight, by: "up" });
      });
    await rollout.asGuard(async (client) => {
      const ports = tablePorts(client);
      const traffic = {
        ...ports.traffic,
        async apply(name: string) {
          await expect(up()).rejects.toThrow(sentence);
          await ports.traffic.apply(name);
          await expect(up()).rejects.toThrow(sentence);
        },
      };
      expect(await takeBack({ ...ports, traffic }, rollout.intent())).toEqual({ state: "done" });
    });
    await expect(up()).rejects.toThrow(sentence);
    expect(await rollout.moved()).toEqual([]);
    expect(await gatewayOf(rollout)).toBe(0);
    expect(await onPlatform((client) => readRolloutTraffic(client, model))).toMatchObject({ weight: 0 });
  });

  it("of a rollout whose phase went back before its intent does nothing", async () => {
    const rollout = await makeRollout(postgres.server, 2, "reverted");
    const outcome = await rollout.asGuard((client) => takeBack(tablePorts(client), rollout.intent()));
    expect(outcome).toEqual({ state: "moved on" });
  });

  it("goes as far as the old version can answer, and on when it can answer more", async () => {
    const rollout = await makeRollout(postgres.server, 4);
    await rollout.move("forward");
    let old: OldVersion = { ready: 0, wanted: 4, sleeps: false };
    await rollout.asGuard(async (client) => {
      const ports = tablePorts(client, () => old);
      expect(await takeBack(ports, rollout.intent())).toEqual({
        state: "cannot",
        why: "no pod of the old version is ready, so the new one keeps 50 % of the requests",
      });
      expect(await gatewayOf(rollout)).toBe(50);
      const open = async () => {
        const [found] = (await openTakeBacks(client)).filter(({ model }) => model === rollout.model);
        if (!found) throw new Error("nothing is under way");
        return found;
      };
      old = { ready: 3, wanted: 4, sleeps: false };
      expect(await goOn(ports, await open())).toMatchObject({ state: "cannot" });
      expect(await gatewayOf(rollout)).toBe(25);
      expect(await rollout.moved()).toHaveLength(4);
      expect((await readTakenBack(client)).find(({ model }) => model === rollout.model)).toMatchObject({
        doneAt: null,
        obstacle: expect.stringContaining("no pod of the old version is ready"),
      });
      old = ready;
      expect(await goOn(ports, await open())).toEqual({ state: "done" });
      expect(await gatewayOf(rollout)).toBe(0);
      expect(await rollout.moved()).toEqual([]);
    });
  });

  it("is not undone by an `up` that changes the weight at the same time", async () => {
    const rollout = await makeRollout(postgres.server, 0);
    const { model } = rollout;
    await rollout.asGuard(async (client) => {
      const ports = tablePorts(client);
      let isFirst = true;
      const traffic = {
        ...ports.traffic,
        async read(name: string) {
          const row = await ports.traffic.read(name);
          // Between the guard's look and its change: an `up` that lowers it too.
          if (isFirst)
            await onPlatform((own) => setTraffic(own, { model, expected: row?.generation, weight: 10, by: "up" }));
          isFirst = false;
          return row;
        },
      };
      expect(await takeBack({ ...ports, traffic }, rollout.intent())).toEqual({ state: "done" });
    });
    expect(await onPlatform((client) => readRolloutTraffic(client, model))).toMatchObject({ weight: 0, generation: 3 });
    const late = onPlatform((client) => setTraffic(client, { model, expected: 3, weight: 10, by: "up" }));
    await expect(late).rejects.toThrow("so its weight is not raised");
    expect(await gatewayOf(rollout)).toBe(0);
  });
});

describe("a guard", () => {
  /** Stores what a judge says of a rollout. */
  async function judged({ query, modelId, from, to, hash }: TestRollout, action: string, decision = "bad") {
    const [judgement] = await query<{ id: string }>(
      `INSERT INTO menagerie.judgement (model_id, from_version_id, to_version_id, truss_hash, settings, cursor, state)
       VALUES ($1, $2, $3, $4, $5, '{}', '{}') RETURNING id`,
      [modelId, from, to, hash, JSON.stringify({ action })],
    );
    const because = ["errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed"];
    await query(
      "INSERT INTO menagerie.verdict (judgement_id, model_id, generation, decision, verdict) VALUES ($1, $2, 1, $3, $4)",
      [judgement?.id, modelId, decision, JSON.stringify({ decision, because })],
    );
    await query("UPDATE menagerie.judgement SET ended_at = now() WHERE id = $1", [judgement?.id]);
  }

  const turn = (rollout: TestRollout, more: Partial<Parameters<typeof guardTurn>[0]> = {}) =>
    rollout.asGuard(async (client) => {
      const news: GuardNews[] = [];
      await guardTurn({ ...tablePorts(client), judge: async () => {}, tell: (each) => news.push(each), ...more });
      return news.filter(({ model }) => model === rollout.model).map(({ what }) => what);
    });

  it("acts on what is bad, by its action, and on nothing else", async () => {
    const [revert, hold, told, good] = await Promise.all([1, 2, 3, 4].map(() => makeRollout(postgres.server, 3)));
    if (!revert || !hold || !told || !good) throw new Error("a rollout is missing");
    for (const each of [revert, hold, told, good]) await each.move("forward");
    await judged(revert, "revert");
    await judged(hold, "hold");
    await judged(told, "tell");
    await judged(good, "revert", "good");
    expect(await turn(revert)).toEqual(["taken back, or held"]);
    expect(await turn(told)).toEqual([
      "is bad, and only told: errors 12 of 180 against 3 of 1,620, at least 2.1 points more, 1.0 points are allowed",
    ]);
    expect([revert, hold, told, good].map(({ model }) => model)).toHaveLength(4);
    expect(await Promise.all([revert, hold, told, good].map(async (each) => (await each.moved()).length))).toEqual([
      0, 3, 3, 3,
    ]);
    await expect(hold.move("forward")).rejects.toThrow(/held/);
    expect(await told.move("forward")).toMatchObject({ moved: 0 });
    // The next turn finds nothing to do.
    expect(await turn(revert)).toEqual([]);
  });

  it("takes one of two judged rollouts on a full pool back once its old version has room, and leaves the other alone", async () => {
    const [bad, good] = [await makeRollout(postgres.server, 3), await makeRollout(postgres.server, 3)];
    for (const each of [bad, good]) await each.move("forward");
    await judged(bad, "revert");
    await judged(good, "revert", "good");
    // The pool's GPUs have both versions of the good one, and the new one of the bad.
    let free = 0;
    const oldVersion = async ({ model }: { readonly model: string }) => ({
      ready: model === bad.model ? free : 1,
      wanted: 1,
      sleeps: false,
    });
    const expectUntouched = async () => {
      expect(await good.moved()).toHaveLength(3);
      const row = await onPlatform((client) => readRolloutTraffic(client, good.model));
      expect(row).toMatchObject({ weight: 50, generation: 1 });
      expect(await gatewayOf(good)).toBeUndefined();
      expect(await good.query("SELECT FROM menagerie.take_back WHERE model_id = $1", [good.modelId])).toEqual([]);
    };
    for (let turns = 0; turns < 2; turns += 1) {
      expect(await turn(bad, { oldVersion })).toContainEqual(
        "not taken back yet: no pod of the old version is ready, so the new one keeps 50 % of the requests",
      );
      expect([await gatewayOf(bad), (await bad.moved()).length]).toEqual([50, 3]);
      await expectUntouched();
    }
    // The good one goes on meanwhile, and is everybody's: its old version's GPU is free.
    await onPlatform((client) => setTraffic(client, { model: good.model, expected: 1, weight: 100, by: "up" }));
    free = 1;
    expect(await turn(bad, { oldVersion })).toEqual(["taken back, or held"]);
    expect([await gatewayOf(bad), await bad.moved()]).toEqual([0, []]);
    expect(await good.moved()).toHaveLength(3);
    expect(await onPlatform((client) => readRolloutTraffic(client, good.model))).toMatchObject({ weight: 100 });
    expect(await turn(bad, { oldVersion })).toEqual([]);
  });

  it("goes on with a take-back while judging fails, and says that it failed", async () => {
    const rollout = await makeRollout(postgres.server, 3);
    await rollout.move("forward");
    await judged(rollout, "revert");
    const failing = turn(rollout, { judge: () => Promise.reject(new Error("no counts")) });
    await expect(failing).rejects.toThrow("no counts");
    expect(await rollout.moved()).toEqual([]);
  });

  it("does not hold up other rollouts where one cannot be taken back", async () => {
    const [stuck, other] = [await makeRollout(postgres.server, 2), await makeRollout(postgres.server, 2)];
    for (const each of [stuck, other]) {
      await each.move("forward");
      await judged(each, "revert");
    }
    const news: GuardNews[] = [];
    await stuck.asGuard(async (client) => {
      const ports = tablePorts(client);
      const oldVersion = async (open: { readonly model: string }) => {
        if (open.model === stuck.model) throw new Error("the cluster does not answer");
        return ready;
      };
      await guardTurn({ ...ports, oldVersion, judge: async () => {}, tell: (each) => news.push(each) });
    });
    expect(news.find(({ model }) => model === stuck.model)).toMatchObject({
      what: "not taken back yet: the cluster does not answer",
      isTrouble: true,
    });
    expect(await other.moved()).toEqual([]);
  });
});

describe("a guard that is killed", () => {
  it("leaves nothing in between, whatever it was at: another one goes on, and everything happens once", async () => {
    // Every third statement's moments; all of them in soak.
    const points = everyPoint(45).filter((_, place) => place % 7 === 0);
    expect(await killedAndResumed(postgres.server, points)).toBeGreaterThanOrEqual(10);
  });
});

describe("who is killed or goes on in the middle leaves nothing in between:", () => {
  it("a database that stops at once", async () => {
    const points = everyPoint(24).filter((_, place) => place % 5 === 0);
    expect(await databaseStoppedAt(postgres, points)).toBeGreaterThanOrEqual(10);
  });

  it.each(["kill", "go"] as const)("an `up` that goes forward, by %s", async (end) => {
    const guards = everyPoint(20);
    const meetings = everyPoint(40)
      .filter((_, place) => place % 17 === 0)
      .map((up, place) => ({ up, guard: guards[(place * 7) % guards.length] ?? up }));
    const { endings } = await metByUps(postgres, meetings, end);
    for (const each of endings) expect(each ?? "taken back at").toMatch(/taken back at|the guard set it to/);
  });
});
