import { expect, test } from "vitest";
import { brokenCode, endlessCode, hashOf } from "./world/container.ts";
import { Scene } from "./world/scene.ts";

/** A process of the model that does not end when it is told to is replaced with its pod, so that no save waits for it for ever. */

const good = { "model.py": "v1" };

/** A scene whose head is loaded and answers. */
async function loaded(): Promise<Scene> {
  const scene = new Scene();
  await scene.save(good);
  expect(await scene.sync()).toMatchObject({ state: "synced" });
  return scene;
}

/** What a sync comes to, and how long it took, in milliseconds of virtual time. */
async function timed(scene: Scene) {
  const begun = scene.scheduler.now;
  const result = await scene.sync();
  return { result, took: scene.scheduler.now - begun };
}

const mended = { "model.py": "v2" };

test("the save that mends code that never loads takes its place within seconds", async () => {
  const scene = await loaded();
  await scene.save({ "model.py": endlessCode });
  scene.scheduler.after(5_000, () => void scene.save(mended));
  const { result, took } = await timed(scene);
  expect(result).toMatchObject({ state: "synced", hash: hashOf({ files: mended, env: {} }) });
  expect(scene.pods).toBe(1);
  // Five until the save, three until the process counts as stuck, and a pod's start.
  expect(took).toBeLessThan(13_000);
});

test("so does one that no sync was waiting for, since the next one asks whether the model answers", async () => {
  const scene = await loaded();
  await scene.save({ "model.py": endlessCode });
  expect(await scene.sync()).toMatchObject({ state: "unsettled" });
  await scene.save(mended);
  const { result, took } = await timed(scene);
  expect(result).toMatchObject({ state: "synced" });
  expect(took).toBeLessThan(8_000);
});

test("a hot reload that never ends gives way to the next save", async () => {
  const scene = await loaded();
  await scene.save({ "model.py": endlessCode }, "hot");
  scene.scheduler.after(5_000, () => void scene.save(mended, "hot"));
  const { result, took } = await timed(scene);
  expect(result).toMatchObject({ state: "synced", hash: hashOf({ files: mended, env: {} }) });
  expect(scene.pods).toBe(1);
  expect(took).toBeLessThan(13_000);
});

test("predictions under way get 25 seconds, as a stream that never ends does", async () => {
  const scene = await loaded();
  scene.container.streams = true;
  await scene.save(mended);
  const { result, took } = await timed(scene);
  expect(result).toMatchObject({ state: "synced", hash: hashOf({ files: mended, env: {} }) });
  expect(scene.pods).toBe(1);
  expect(took).toBeGreaterThan(25_000);
  expect(took).toBeLessThan(32_000);
});

test("a process that dies before it has removed the mark of one that failed is started again", async () => {
  const scene = await loaded();
  await scene.save({ "model.py": brokenCode });
  expect(await scene.sync()).toMatchObject({ state: "failed" });
  await scene.save(mended);
  scene.container.killNext = true;
  const { result, took } = await timed(scene);
  expect(result).toMatchObject({ state: "synced", hash: hashOf({ files: mended, env: {} }) });
  expect(took).toBeLessThan(25_000);
});

test("code that fails again and again is not started again and again", async () => {
  const scene = await loaded();
  await scene.save({ "model.py": brokenCode });
  expect(await scene.sync()).toMatchObject({ state: "failed" });
  const { starts } = scene.container;
  for (let again = 0; again < 3; again += 1) expect(await scene.sync()).toMatchObject({ state: "failed" });
  expect(scene.container.starts).toBe(starts);
});

test("a database that is away while a patch is sent keeps nobody waiting for the lease of the sync that sent it", async () => {
  const scene = await loaded();
  await scene.save(mended);
  const { store, scheduler } = scene;
  const write = store.writeRecord.bind(store);
  let awayUntil = Number.POSITIVE_INFINITY;
  store.writeRecord = async (id, record, revision) => {
    const isTaken = store.record?.intent !== null;
    if (isTaken && awayUntil === Number.POSITIVE_INFINITY) awayUntil = scheduler.now + 3_000;
    if (isTaken && scheduler.now < awayUntil) throw new Error("connection to the database lost");
    return write(id, record, revision);
  };
  const { result, took } = await timed(scene);
  expect(result).toMatchObject({ state: "synced", hash: hashOf({ files: mended, env: {} }) });
  expect(took).toBeGreaterThan(3_000);
  expect(took).toBeLessThan(10_000);
});
