import { expect, it } from "vitest";
import { emptyRegistry, type StoredRollout } from "../../../src/domain/zoo/registry.ts";
import type { PlatformPlan } from "../../../src/plan/platform.ts";
import { withReadyPods } from "../../../src/plan/readyPods.ts";

const platform = (phase: StoredRollout["phase"]): PlatformPlan => {
  const rollout = { model: "m", phase, from: "1", hash: "h", since: new Date(0), bakeSecondsLeft: undefined };
  const registry = { ...emptyRegistry, rollouts: new Map([["m", rollout]]) };
  return { basis: "read", registry } as Partial<PlatformPlan> as PlatformPlan;
};
const pods = new Map([["m-v1", 3]]);

it("are counted where a rollout may divide requests next, and nowhere else", async () => {
  let asked = 0;
  const read = async () => {
    asked += 1;
    return pods;
  };
  expect(await withReadyPods(platform("copy"), read)).toMatchObject({ platform: { readyPods: pods }, sentences: [] });
  for (const other of [platform("version"), platform("done"), undefined])
    expect(await withReadyPods(other, read)).toEqual({ platform: other, sentences: [] });
  expect(asked).toBe(1);
});

it("are unknown, with a sentence, where the cluster does not answer", async () => {
  const away = async (): Promise<never> => {
    throw new Error("connection refused");
  };
  const copying = platform("copy");
  expect(await withReadyPods(copying, away)).toEqual({
    platform: copying,
    sentences: ["not counted how many pods old versions of rollouts have: connection refused"],
  });
});
