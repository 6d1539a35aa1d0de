import type { ClientBase } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { registerVersion } from "../../../../../src/adapters/postgres/modelVersions.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { actAs, inTransaction } from "../../../../../src/adapters/postgres/transaction.ts";
import { readZooRegistry } from "../../../../../src/adapters/postgres/zoo/registry.ts";
import {
  noteTrafficApplied,
  readRolloutTraffic,
  readTrafficSteps,
  readTrafficToWrite,
  setTraffic,
} from "../../../../../src/adapters/postgres/zoo/traffic.ts";
import { platformDatabase, roles } from "../../../../../src/domain/platformDatabase.ts";
import type { Phase } from "../../../../../src/domain/zoo/phases.ts";
import type { Sticky } from "../../../../../src/domain/zoo/traffic.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";

/** Weights of rollouts on a real PostgreSQL, with the rights of the stack. */

let postgres: TestPostgres;
/** Each test has a model of its own. */
let model: string;
let made = 0;
let old: string;
let fresh: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
});

afterAll(() => postgres.stop());

const as = <T>(role: string, work: (client: ClientBase) => Promise<T>): Promise<T> =>
  withClient(postgres.server, platformDatabase, async (client) => {
    await actAs(client, role);
    return work(client);
  });
const up = <T>(work: (client: ClientBase) => Promise<T>): Promise<T> => as(roles.deployer, work);

beforeEach(async () => {
  made += 1;
  model = `model-${made}`;
  old = await register(1, "a");
  fresh = await register(2, "b");
  await stand("version", "b");
});

const register = (number: number, hash: string, of = model): Promise<string> =>
  up((client) =>
    registerVersion(client, {
      model: of,
      organization: "admin",
      number,
      hash,
      digest: `sha256:${"0".repeat(64)}`,
      current: false,
    }),
  );

const stand = (phase: Phase, hash: string, from: string | null = old) =>
  up((client) =>
    client.query(
      `INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash)
       SELECT id, $2, $3, $4 FROM menagerie.model WHERE name = $1
       ON CONFLICT (model_id) DO UPDATE SET phase = $2, from_version_id = $3, truss_hash = $4`,
      [model, phase, from, hash],
    ),
  );

const set = (weight: number, expected: number | undefined, more: { control?: number; sticky?: "cookie" } = {}) =>
  up((client) => setTraffic(client, { model, weight, expected, by: "up", ...more }));
const held = () => up((client) => readRolloutTraffic(client, model));
const steps = () => up((client) => readTrafficSteps(client, model));

describe("a weight", () => {
  it("is of the rollout that the model is in, and its first generation is 1", async () => {
    expect(await held()).toBeUndefined();
    expect(await set(10, undefined, { sticky: "cookie" })).toEqual({ generation: 1, isChanged: true });
    expect(await held()).toMatchObject({ from: old, to: fresh, hash: "b", weight: 10, control: 0, sticky: "cookie" });
    expect(await steps()).toMatchObject([{ generation: 1, weight: 10, by: "up", sticky: "cookie" }]);
  });

  it("that is set again changes nothing, whatever generation is expected", async () => {
    await set(10, undefined);
    expect(await set(10, undefined)).toEqual({ generation: 1, isChanged: false });
    expect(await set(10, 1)).toEqual({ generation: 1, isChanged: false });
    expect(await steps()).toHaveLength(1);
  });

  it("is not set by whoever read it before somebody else changed it", async () => {
    await set(10, undefined);
    await up((client) => setTraffic(client, { model, weight: 0, expected: 1, by: "guard", verdictId: "7" }));
    await expect(set(50, 1)).rejects.toThrow(
      `${model}: its traffic changed since this run read it: the guard set it to 0 %`,
    );
    await expect(set(50, undefined)).rejects.toThrow("its traffic changed");
    expect(await set(50, 2)).toEqual({ generation: 3, isChanged: true });
    expect(await steps()).toMatchObject([{ weight: 50 }, { weight: 0, by: "guard", verdictId: "7" }, { weight: 10 }]);
  });

  it("keeps what a change does not name of sides, and copies nothing that it does not name", async () => {
    await set(100, undefined, { control: 5, sticky: "cookie" });
    await set(0, 1);
    expect(await held()).toMatchObject({ weight: 0, control: 0, sticky: "cookie" });
  });

  it("of several who set it at once is that of one, and each generation has one step", async () => {
    await set(1, undefined);
    const results = await Promise.allSettled([10, 20, 30, 40, 50, 60].map((weight) => set(weight, 1)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const { weight, generation } = (await held()) ?? {};
    expect(generation).toBe(2);
    expect(await steps()).toMatchObject([{ generation: 2, weight }, { generation: 1 }]);
  });

  it("of the next rollout goes on from the generation of the one before", async () => {
    await set(100, undefined);
    const third = await register(3, "c");
    await stand("version", "c", fresh);
    expect(await set(100, 1)).toEqual({ generation: 2, isChanged: true });
    expect(await held()).toMatchObject({ from: fresh, to: third, hash: "c" });
  });

  it("in phase copy is of the copy", async () => {
    const copy = await register(1, "b", `${model}_copy`);
    await stand("copy", "b");
    await set(0, undefined, { control: 20 });
    expect(await held()).toMatchObject({ from: old, to: copy, weight: 0, control: 20 });
  });

  it.each(["off", "done", "reverted"] as const)("is not set in phase %s", async (phase) => {
    await stand(phase, "b");
    await expect(set(10, undefined)).rejects.toThrow(`${model}: no rollout is under way`);
    expect(await held()).toBeUndefined();
  });

  it("is not set without a rollout, of content that is not registered, or of a model that nobody knows", async () => {
    await stand("version", "b", null);
    await expect(set(10, undefined)).rejects.toThrow("no rollout");
    await stand("version", "unknown");
    await expect(set(10, undefined)).rejects.toThrow("no rollout");
    const unknown = up((client) => setTraffic(client, { model: "nobody", weight: 1, expected: undefined, by: "up" }));
    await expect(unknown).rejects.toThrow("nobody: no rollout is under way");
  });

  it.each([-1, 101, Number.NaN])("of %d percent is refused by the database", async (weight) => {
    await expect(set(weight, undefined)).rejects.toThrow("rollout_traffic_weight_check");
  });

  it("waits for whoever holds the rollout's lock", async () => {
    await up((holder) =>
      inTransaction(holder, async () => {
        await holder.query(
          "SELECT FROM menagerie.rollout r JOIN menagerie.model m ON m.id = r.model_id WHERE m.name = $1 FOR UPDATE OF r",
          [model],
        );
        await expect(
          up(async (client) => {
            await client.query("SET lock_timeout = '200ms'");
            return setTraffic(client, { model, weight: 10, expected: undefined, by: "up" });
          }),
        ).rejects.toMatchObject({ code: "55P03" });
      }),
    );
    await set(10, undefined);
  });
});

it("plans read it with the rollout: whether it is of that one, and what was asked for before the guard set it", async () => {
  const read = () => up(async (client) => (await readZooRegistry(client, [model])).rollouts.get(model)?.traffic);
  expect(await read()).toBeUndefined();
  await set(50, undefined, { sticky: "cookie" });
  const row = { generation: 1, weight: 50, control: 0, sticky: "cookie", isOfRollout: true, askedWeight: 50 };
  expect(await read()).toEqual(row);
  await up((client) => setTraffic(client, { model, weight: 0, expected: 1, by: "guard" }));
  expect(await read()).toEqual({ ...row, generation: 2, weight: 0, isGuards: true });
  await set(10, 2);
  expect(await read()).toEqual({ ...row, generation: 3, weight: 10, askedWeight: 10 });
  await register(3, "c");
  await stand("copy", "c");
  expect(await read()).toMatchObject({ isOfRollout: false });
});

it("the first note that the gateway's object was written counts", async () => {
  await set(10, undefined);
  await set(20, 1);
  expect((await steps()).map(({ appliedAt }) => appliedAt)).toEqual([undefined, undefined]);
  const note = (generation: number) => up((client) => noteTrafficApplied(client, model, generation));
  await note(2);
  const [{ appliedAt, at } = await Promise.reject(new Error("no step")), first] = await steps();
  expect(appliedAt?.getTime()).toBeGreaterThanOrEqual(at.getTime());
  expect(first?.appliedAt).toBeUndefined();
  await note(2);
  expect((await steps())[0]?.appliedAt).toEqual(appliedAt);
});

it("whoever writes the gateway's object has the key of a draw by a header: one for all weights of a content, and another for the next", async () => {
  const keyOf = (role: string, of = model) =>
    as(role, async (client) => (await readTrafficToWrite(client, of))?.drawKey);
  const set = (weight: number, sticky: Sticky | undefined) =>
    up(async (client) => {
      const expected = (await readRolloutTraffic(client, model))?.generation;
      return setTraffic(client, { model, expected, weight, sticky, by: "up" });
    });
  await set(10, "cookie");
  expect(await keyOf(roles.deployer)).toBeUndefined();
  await set(10, "header:x-user");
  const [key, others] = await Promise.all([keyOf(roles.deployer), keyOf(roles.guard)]);
  expect(key).toMatch(/^[0-9a-f]{32}$/);
  expect(others).toBe(key);
  await set(50, "header:x-user");
  expect(await keyOf(roles.guard)).toBe(key);
  await register(3, "c");
  await stand("version", "c");
  await set(10, "header:x-user");
  const next = await keyOf(roles.deployer);
  expect(next).toMatch(/^[0-9a-f]{32}$/);
  expect(next).not.toBe(key);
  // Nobody else needs it.
  expect(await up((client) => readRolloutTraffic(client, model))).not.toHaveProperty("drawKey");
});
