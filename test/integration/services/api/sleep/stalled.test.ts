import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, kinds, SleepApis, soon, usualApplyMs } from "../../../../support/sleepApis.ts";

let own: SleepApis;

beforeAll(async () => {
  own = await SleepApis.open();
});

afterAll(() => own?.close());

describe("a process that stands still, or waits for others", () => {
  it.each(kinds)(
    "sends nothing to a version of kind %s that the cluster is just told to stop, however long that takes",
    async (kind) => {
      own.models.applyMs = () => 1_500;
      const model = await own.newModel(kind, soon);
      await own.with(2, {}, async (apis) => {
        await own.inPhase(model, "asleep");
        expect(own.models.isStopped(model.name)).toBe(false);
        const answers = await Promise.all(apis.map((api, index) => ask(api, model, `stream 2000 ${index}`)));
        expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      });
      own.models.applyMs = usualApplyMs;
      expect(model.wronged).toEqual([]);
      expect([...model.asked.values()]).toEqual([1, 1]);
    },
  );

  it("does not stop a version that was woken while it stood still in the middle of telling the cluster", async () => {
    const early = await own.newModel("zoo", soon);
    await own.with(1, {}, async ([leader]) => {
      await own.stopped(early);
      await own.with(1, {}, async ([other]) => {
        if (!leader || !other) return;
        const model = await own.newModel("zoo", soon);
        const read = new Promise<void>((resolve) => {
          own.models.onRead = async (name) => {
            if (name !== model.name) return;
            own.models.onRead = async () => {};
            leader.child.kill("SIGSTOP");
            resolve();
          };
        });
        await read;
        const answer = ask(other, model, "stream 4000");
        await expect.poll(() => model.inFlight).toBe(1);
        leader.child.kill("SIGCONT");
        expect(await answer).toMatchObject({ status: 200 });
        expect(model.wronged).toEqual([]);
        // It goes on as before.
        await own.stopped(model);
      });
    });
  });

  it.each(kinds)("answers what came meanwhile, though a version of kind %s was stopped", async (kind) => {
    const model = await own.newModel(kind, soon);
    await own.with(1, {}, async ([other]) => {
      await own.stopped(model);
      await own.with(1, {}, async ([api]) => {
        if (!api || !other) return;
        expect((await ask(api, model, "before")).status).toBe(200);
        api.child.kill("SIGSTOP");
        const meanwhile = ask(api, model, "meanwhile");
        await own.stopped(model);
        api.child.kill("SIGCONT");
        expect(await meanwhile).toMatchObject({ status: 200 });
        await own.stopped(model);
      });
    });
    expect(model.wronged).toEqual([]);
    expect([...model.asked.values()]).toEqual([1, 1]);
  });
});
