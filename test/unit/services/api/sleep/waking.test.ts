import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { SleepStore } from "../../../../../src/adapters/postgres/sleep/sleepStore.ts";
import type { SleepAnswer, SleepUse } from "../../../../../src/domain/sleep/record.ts";
import { createWaking } from "../../../../../src/services/api/sleep/waking.ts";
import { MemoryCluster } from "../../../../support/versionCluster.ts";

/** What one process does while the database's answer does not come, for a version that its cluster still shows as running. */

const name = "iris-v1";
const awake: SleepAnswer = { kind: "go", phase: "awake", generation: 1, granted: 256, seconds: 0 };
const wake: SleepAnswer = { kind: "wake", generation: 3, granted: 256 };
const waking: SleepAnswer = { kind: "go", phase: "waking", generation: 3, granted: 256, seconds: 0 };
const unasked = () => Promise.reject(new Error("not asked here"));

class Scene {
  readonly cluster = new MemoryCluster();
  /** Questions about the version, each answered by the test. */
  readonly uses: { readonly use: SleepUse; readonly answered: PromiseWithResolvers<SleepAnswer> }[] = [];
  /** What is answered at once to those that the test does not answer. */
  later: SleepAnswer | undefined;
  isHeard = true;
  /** What the cluster was told. */
  readonly told: boolean[] = [];
  ahead = 0;
  readonly waking;

  constructor(options: { readonly leaseMs?: number; readonly holdMs?: number } = {}) {
    const { cluster } = this;
    cluster.deployZoo(name, 1);
    const { setStopped } = cluster;
    cluster.setStopped = async (service, isStopped) => {
      this.told.push(isStopped);
      await setStopped(service, isStopped);
    };
    const store: SleepStore = {
      use: (_, use) => {
        const answered = Promise.withResolvers<SleepAnswer>();
        this.uses.push({ use, answered });
        if (this.later) answered.resolve(this.later);
        return answered.promise;
      },
      hear: async () => {
        if (!this.isHeard) await new Promise(() => {});
      },
      release: async () => {},
      answered: async () => {},
      failed: async () => {},
      candidates: unasked,
      markStopping: unasked,
      confirmStop: unasked,
      whileAsleep: unasked,
      remove: unasked,
      forget: unasked,
    };
    this.waking = createWaking({
      store,
      cluster,
      prepare: async () => ({ kind: "answers" }),
      holder: "a",
      log: pino({ level: "silent" }),
      now: () => performance.now() + this.ahead,
      ...options,
    });
  }

  /** A request, until it may go to the version. */
  ask(): { readonly response: ServerResponse; readonly opened: Promise<void>; isOpen: boolean } {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const asked = { response, isOpen: false, opened: Promise.resolve() };
    asked.opened = this.waking
      .during(name, response, (open) => open())
      .then(() => {
        asked.isOpen = true;
      });
    asked.opened.catch(() => {});
    return asked;
  }

  /** The database's answer to the question that came as number `place`. */
  async answer(place: number, answer: SleepAnswer | Error): Promise<void> {
    await expect.poll(() => this.uses.length).toBeGreaterThan(place);
    if (answer instanceof Error) this.uses[place]?.answered.reject(answer);
    else this.uses[place]?.answered.resolve(answer);
  }
}

test("a version whose row somebody has locked gets no request until the answer comes: it may be told to stop meanwhile", async () => {
  const scene = new Scene();
  const asked = scene.ask();
  await delay(800);
  expect(asked.isOpen).toBe(false);
  await scene.cluster.setStopped(name, true);
  scene.later = waking;
  await scene.answer(0, wake);
  await asked.opened;
  expect(scene.told).toEqual([true, false]);
});

test("a version that answers takes more requests at once than may wait for one that starts", async () => {
  const scene = new Scene();
  const asked = [scene.ask(), scene.ask(), scene.ask()];
  // The first question is of one request, and its answer comes late; the next is of all three.
  await delay(800);
  scene.later = { ...awake, granted: 1 };
  await scene.answer(0, { ...awake, granted: 1 });
  await Promise.all(asked.map(({ opened }) => opened));
});

test("of those that wait for a version that starts, no more than may are kept", async () => {
  const scene = new Scene();
  scene.later = { ...waking, granted: 1 };
  const [, second] = [scene.ask(), scene.ask()];
  await expect(second.opened).rejects.toThrow("1 requests wait for iris-v1 already");
});

test("nor does a version whose question waited for that lock until the database gave it up", async () => {
  const scene = new Scene();
  const asked = scene.ask();
  await scene.answer(0, new Error("Query read timeout"));
  await scene.answer(1, awake);
  await asked.opened;
  expect(scene.uses).toHaveLength(2);
});

test("a version that answers goes on while the database does not", async () => {
  const scene = new Scene();
  scene.isHeard = false;
  await scene.ask().opened;
});

test("a version goes on without an answer while a lease that ran out still keeps it", async () => {
  const scene = new Scene({ leaseMs: 60_000 });
  const first = scene.ask();
  await scene.answer(0, awake);
  await first.opened;
  scene.ahead = 60_000;
  await scene.ask().opened;
  // Nobody was asked whether the database answers: the question about the version is still open.
  expect(scene.uses).toHaveLength(2);
});

test("a process that was to wake a version, and heard so when nobody waited any more, does it for the next request", async () => {
  const scene = new Scene();
  scene.isHeard = false;
  await scene.ask().opened;
  await scene.cluster.setStopped(name, true);
  await scene.answer(0, wake);
  scene.later = waking;
  await scene.ask().opened;
  expect(scene.told).toEqual([true, false]);
});

test("a process that stood still looks again before it gives up those that it holds", async () => {
  const scene = new Scene({ holdMs: 500 });
  await scene.cluster.setStopped(name, true);
  const asked = scene.ask();
  scene.ahead = 60_000;
  await delay(600);
  scene.later = waking;
  await scene.answer(0, wake);
  await asked.opened;
});
