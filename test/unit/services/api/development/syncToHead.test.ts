import { pino } from "pino";
import { expect, it } from "vitest";
import type { SignedPatchStore } from "../../../../../src/adapters/postgres/trussPatches.ts";
import type { VersionCluster, VersionPod } from "../../../../../src/domain/development/ports.ts";
import type { ControlServer } from "../../../../../src/domain/patch/ports.ts";
import { syncToHead } from "../../../../../src/services/api/development/syncToHead.ts";
import { MemoryStore } from "../../../domain/patch/world/memoryStore.ts";

const hash = "a".repeat(64);

/** A container that runs the head. */
function container(instance: string, startedAt: number, asked: string[]): ControlServer {
  const ask = <T>(what: string, value: T): Promise<T> => {
    asked.push(`${instance} ${what}`);
    return Promise.resolve(value);
  };
  return {
    instance,
    startedAt,
    runningHash: () => ask("hash", { ok: true, value: hash }),
    isPartiallyApplied: () => ask("partial", { ok: true, value: false }),
    patch: () => ask("patch", { kind: "accepted" }),
    restartInference: () => ask("restart", { ok: true, value: undefined }),
    stopInference: () => ask("stop", { ok: true, value: undefined }),
    probe: () => ask("probe", { answers: true }),
  };
}

/** A version in virtual time whose pods come one after the other, each at the next change that the cluster tells of. */
function version(pods: readonly { readonly instance: string; readonly startedAt: number }[]) {
  const asked: string[] = [];
  const deleted: string[] = [];
  let [now, at, changes] = [1_000_000, 0, 0];
  const store = new MemoryStore(hash);
  const cluster: Partial<VersionCluster> = {
    isListed: () => true,
    service: () => ({
      name: "m-dev",
      model: "m",
      role: "version",
      isStopped: false,
      idleMinutes: undefined,
      recorded: false,
      pool: "cpu",
      createdAt: 0,
    }),
    pod: () => {
      const pod = pods[at];
      return pod && ({ ...pod, name: pod.instance, variables: new Set(), url: "" } as unknown as VersionPod);
    },
    async changed(milliseconds) {
      changes += 1;
      now += milliseconds;
      if (changes > 3 && at < pods.length - 1) at += 1;
    },
    deletePod: async (name) => void deleted.push(name),
  };
  const sync = (withinMs: number) =>
    syncToHead(
      {
        store: store as unknown as SignedPatchStore,
        cluster: cluster as VersionCluster,
        containers: {
          of: ({ instance, startedAt }) => container(instance, startedAt, asked),
          seen: new Map(),
          close: async () => {},
        },
        clock: {
          now: () => now,
          sleep: async (milliseconds) => {
            now += milliseconds;
          },
        },
        newId: () => String(now),
        log: pino({ level: "silent" }),
      },
      "1",
      withinMs,
    );
  return { sync, store, asked, deleted };
}

const record = { generation: 1, at: 0, intent: null, lateUntil: 0, broken: null, refused: null };

it("asks a container nothing that a later one has replaced, and syncs that once the cluster tells of it", async () => {
  const { sync, store, asked, deleted } = version([
    { instance: "old", startedAt: 1 },
    { instance: "new", startedAt: 2 },
  ]);
  store.record = { ...record, instance: "new", startedAt: 2 };
  store.revision = 1;
  expect(await sync(60_000)).toMatchObject({ state: "synced", runningHash: hash });
  expect(asked.filter((each) => each.startsWith("old"))).toEqual([]);
  expect(deleted).toEqual([]);
});

it("says what it waits for where the cluster never tells of the later one", async () => {
  const { sync, store, asked } = version([{ instance: "old", startedAt: 1 }]);
  store.record = { ...record, instance: "new", startedAt: 2 };
  store.revision = 1;
  expect(await sync(10_000)).toMatchObject({ state: "waking", reason: expect.stringContaining("a later container") });
  expect(asked).toEqual([]);
});
