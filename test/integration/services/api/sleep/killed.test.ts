import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, kinds, never, type SleepApi, SleepApis, soon } from "../../../../support/sleepApis.ts";
import type { SleepingModel } from "../../../../support/sleepingModels.ts";
import type { SleepKill } from "../../../../support/sleepProcess.ts";
import { wholeMatrix } from "../../../../support/wholeMatrix.ts";

/** Processes of the API service that are killed in each state that a version can have. */

let own: SleepApis;

beforeAll(async () => {
  own = await SleepApis.open();
});

afterAll(() => own?.close());

type Point = Omit<SleepKill, "model">;
const around = (...steps: Point["step"][]): Point[] =>
  steps.flatMap((step) => (["before", "after"] as const).map((when) => ({ step, when })));

/** One of them stands for the others where not every case is tested. */
const some = (points: Point[], step: Point["step"]) =>
  wholeMatrix ? points : points.filter((point) => point.step === step && point.when === "after");
/** Of the process that stops it: `tell` is within `whileAsleep`, which has the row locked. */
const stopping = some(around("markStopping", "confirmStop", "tell", "whileAsleep"), "tell");
/** Of the one that wakes it. */
const waking = some(around("use", "run", "answered", "release"), "run");

const died = async ({ child }: SleepApi) => {
  if (child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
};

/** What is true whoever was killed: the next request is answered once, and the model sleeps again. */
async function goesOn(other: SleepApi, model: SleepingModel): Promise<void> {
  expect(await ask(other, model, "next")).toMatchObject({ status: 200 });
  expect(model.asked.get("next")).toBe(1);
  expect(model.wronged).toEqual([]);
  await own.with(1, {}, async () => {
    await own.stopped(model);
    await own.inPhase(model, "asleep");
  });
  expect(model.wronged).toEqual([]);
}

describe.each(kinds)("a version of kind %s", (kind) => {
  it.each(stopping)("goes on where the process that stops it is killed $when $step", async (point) => {
    const model = await own.newModel(kind, soon);
    await own.with(1, { leads: false }, async ([other]) => {
      await own.with(1, { killedAt: { ...point, model: model.name } }, async ([leader]) => {
        if (!leader || !other) return;
        await died(leader);
        await goesOn(other, model);
      });
    });
  });

  it.each(waking)("goes on where the process that wakes it is killed $when $step", async (point) => {
    const model = await own.newModel(kind, soon);
    await own.with(1, { leads: false }, async ([other]) => {
      own.models.setStopped(model.name, true);
      await own.with(1, { leads: false, killedAt: { ...point, model: model.name } }, async ([waker]) => {
        if (!waker || !other) return;
        const lost = ask(waker, model, "lost");
        await died(waker);
        await lost;
        expect(model.asked.get("lost") ?? 0).toBeLessThanOrEqual(1);
        await goesOn(other, model);
      });
    });
  });

  it("goes on where a process is killed in the middle of an answer, and another one has one too", async () => {
    const model = await own.newModel(kind, soon);
    await own.with(2, { leads: false }, async ([other, victim]) => {
      if (!victim || !other) return;
      const answers = [ask(other, model, "stream 4000 kept"), ask(victim, model, "stream 60000 lost")];
      await expect.poll(() => model.inFlight).toBe(2);
      victim.child.kill("SIGKILL");
      await answers[1];
      await own.with(1, {}, async () => {
        expect((await answers[0])?.status).toBe(200);
        await own.stopped(model);
      });
      await goesOn(other, model);
    });
  });
});

it("a version that was stopped while nobody led is not stopped for good", async () => {
  const model = await own.newModel("zoo", never);
  own.models.setStopped(model.name, true);
  await own.with(1, { leads: false }, async ([api]) => {
    if (api) expect(await ask(api, model, "first")).toMatchObject({ status: 200 });
  });
});
