import { expect, test } from "vitest";
import { hashOf, refusedCode } from "./world/container.ts";
import { image, Scene } from "./world/scene.ts";

/** What a container cannot take is undone: the model answers as before, and is not stopped again by every later sync. */

const good = { "model.py": "v1", "b.py": "v1" };

test.each([
  ["the first operation", { ...good, "model.py": refusedCode }],
  ["a later operation", { ...good, "model.py": "v2", "b.py": refusedCode }],
])("where %s of a save is refused, the model answers as before it", async (_, bad) => {
  const scene = new Scene();
  await scene.save(good);
  expect(await scene.sync()).toMatchObject({ state: "synced" });
  await scene.save(bad);
  expect(await scene.sync()).toMatchObject({ state: "failed", reason: expect.stringContaining("goes on as before") });
  expect(await scene.serving()).toBe(hashOf({ files: good, env: {} }));
  // Later syncs say the same and send nothing.
  const { sent } = scene;
  expect(await scene.sync()).toMatchObject({ state: "failed" });
  expect(scene.sent).toBe(sent);
  // A pod that is replaced gets what was good.
  scene.newPod();
  expect(await scene.sync()).toMatchObject({ state: "failed" });
  expect(await scene.serving()).toBe(hashOf({ files: good, env: {} }));
  // The next save mends it.
  const mended = { ...good, "model.py": "v3" };
  await scene.save(mended);
  expect(await scene.sync()).toMatchObject({ state: "synced" });
  expect(await scene.serving()).toBe(hashOf({ files: mended, env: {} }));
});

test("what comes right behind a refused save, and is refused with it, does not have that one tried again", async () => {
  const scene = new Scene();
  await scene.save(good);
  await scene.sync();
  await scene.save({ ...good, "model.py": refusedCode });
  await scene.sync();
  const { sent } = scene;
  await scene.save({ "model.py": refusedCode, "b.py": "v2" });
  expect(await scene.sync()).toMatchObject({ state: "failed" });
  // Once, so that the installer's last words are about what is told.
  expect(scene.sent).toBe(sent + 1);
  expect(await scene.serving()).toBe(hashOf({ files: good, env: {} }));
  await scene.save({ "model.py": "v3", "b.py": "v2" });
  expect(await scene.sync()).toMatchObject({ state: "synced" });
});

test("where the very first save is refused, the image's own content answers", async () => {
  const scene = new Scene();
  await scene.save({ "model.py": "v1", "b.py": refusedCode });
  expect(await scene.sync()).toMatchObject({ state: "failed" });
  expect(await scene.serving()).toBe(hashOf(image));
});

test("what was refused without harm is sent again after a while, for an index may be back", async () => {
  const scene = new Scene();
  await scene.save({ "model.py": refusedCode });
  expect(await scene.sync()).toMatchObject({ state: "failed" });
  const { sent } = scene;
  let isOver = false;
  scene.scheduler.after(400_000, () => {
    isOver = true;
  });
  await scene.scheduler.run(() => isOver, scene.scheduler.now + 500_000);
  expect(await scene.sync()).toMatchObject({ state: "failed" });
  expect(scene.sent).toBe(sent + 1);
});
