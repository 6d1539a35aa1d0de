import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, askCopy, never, type SleepApi, SleepApis, soon } from "../../../../support/sleepApis.ts";

/** A rollout whose old version may sleep and gets copies of what the new one answers, by processes of the API service, on a real PostgreSQL. */

let own: SleepApis;

beforeAll(async () => {
  own = await SleepApis.open();
});

afterAll(() => own?.close());

it("copies wake the version that they are for, once for many over several processes, and each comes once", async () => {
  const [old, fresh] = [await own.newModel("zoo", never), await own.newModel("zoo", never)];
  own.models.setStopped(old.name, true);
  await expect.poll(() => own.models.standing(old.name)).not.toContain('"pod"');
  await own.with(3, { holdMs: 60_000 }, async (apis) => {
    const sent = Array.from({ length: 60 }, (_, index) => {
      const [one, other] = [apis[index % 3], apis[(index + 1) % 3]] as [SleepApi, SleepApi];
      return [ask(one, fresh, `r${index}`), askCopy(other, { of: fresh, to: old }, `r${index}`)];
    }).flat();
    expect((await Promise.all(sent)).filter(({ status }) => status !== 200)).toEqual([]);
  });
  for (const model of [old, fresh]) expect([...model.asked.values()]).toEqual(Array(60).fill(1));
  expect([old.starts, fresh.starts]).toEqual([1, 0]);
  expect([...old.wronged, ...fresh.wronged]).toEqual([]);
});

it("copies are a use of it: none is lost, and both versions fall asleep again after the last one", async () => {
  const [old, fresh] = [await own.newModel("zoo", soon), await own.newModel("zoo", soon)];
  await own.with(2, {}, async ([one, other]) => {
    if (!one || !other) return;
    await own.stopped(old);
    await own.stopped(fresh);
    for (let asked = 0; asked < 20; asked += 1) {
      const answers = [ask(one, fresh, `r${asked}`), askCopy(other, { of: fresh, to: old }, `r${asked}`)];
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
    }
    await own.stopped(old);
    await own.stopped(fresh);
  });
  expect(old.asked.size).toBe(20);
  expect([...old.wronged, ...fresh.wronged]).toEqual([]);
});
