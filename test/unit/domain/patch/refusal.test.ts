import { expect, test } from "vitest";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import type { ControlServer } from "../../../../src/domain/patch/ports.ts";
import { sync } from "../../../../src/domain/patch/sync.ts";
import type { SyncResult } from "../../../../src/domain/patch/turn.ts";
import { Container, type Content, hashOf, refusedCode } from "./world/container.ts";
import { MemoryStore } from "./world/memoryStore.ts";
import { Scheduler } from "./world/scheduler.ts";

/** What a container cannot take is undone: the model answers as before, and is not stopped again by every later sync. */

const image: Content = { files: { "model.py": "v0" }, env: {} };

class Scene {
  readonly scheduler = new Scheduler(1);
  readonly store = new MemoryStore(hashOf(image));
  container = new Container(this.scheduler, "container-0", image, true);
  /** Patches that a container was sent, with anything in them. */
  sent = 0;
  private content = image;
  private pods = 0;

  async save(files: Record<string, string>): Promise<void> {
    const next = { files, env: this.content.env };
    const ops: PatchOperation[] = Object.entries(files)
      .filter(([path, content]) => this.content.files[path] !== content)
      .map(([path, content]) => ({ type: "model_code", body: { action: "UPDATE", path, content } }));
    await this.store.append("1", { prevHash: hashOf(this.content), nextHash: hashOf(next), ops });
    this.content = next;
  }

  newPod(): void {
    this.pods += 1;
    this.container = new Container(this.scheduler, `container-${this.pods}`, image, true);
  }

  /** Syncs, with a new pod where only that helps. */
  async sync(): Promise<SyncResult> {
    for (;;) {
      let result: SyncResult | undefined;
      const ports = { store: this.store, control: this.control(), newId: () => `${this.scheduler.random()}` };
      const clock = { now: () => this.scheduler.now, sleep: (ms: number) => this.scheduler.sleep(ms) };
      void sync("1", { ...ports, clock }).then((ended) => {
        result = ended;
      });
      await this.scheduler.run(() => result !== undefined, this.scheduler.now + 200_000);
      if (!result) throw new Error("the sync hangs");
      if (result.state !== "recreate") return result;
      this.newPod();
    }
  }

  /** Hash of what answers, once a process that starts has started. */
  async serving(): Promise<string | null> {
    let isOver = false;
    this.scheduler.after(5_000, () => {
      isOver = true;
    });
    await this.scheduler.run(() => isOver, this.scheduler.now + 10_000);
    return this.container.history.at(-1)?.serving ?? null;
  }

  private control(): ControlServer {
    const { container } = this;
    const soon = <T>(value: () => T): Promise<T> => this.scheduler.sleep(1).then(value);
    return {
      instance: container.instance,
      startedAt: container.startedAt,
      runningHash: () => soon(() => ({ ok: true, value: container.hash })),
      isPartiallyApplied: () => soon(() => ({ ok: true, value: container.isPartiallyApplied() })),
      patch: async (request) => {
        if (request.patches.length > 0) this.sent += 1;
        const outcome = await soon(() => container.patch(request));
        return outcome === "hot" ? container.hotReload() : outcome;
      },
      restartInference: () => soon(() => done(container.restart())),
      stopInference: () => soon(() => done(container.stopInference())),
      probe: () => soon(() => container.probe()),
    };
  }
}

/** Answer of what has no value. */
const done = (_: unknown) => ({ ok: true, value: undefined }) as const;

const good = { "model.py": "v1", "b.py": "v1" };

test.each([
  ["the first operation", { ...good, "model.py": refusedCode }],
  ["a later operation", { ...good, "model.py": "v2", "b.py": refusedCode }],
])("where %s of a save is refused, the model answers as before it", async (_, bad) => {
  const scene = new Scene();
  await scene.save(good);
  expect(await scene.sync()).toMatchObject({ state: "synced" });
  await scene.save(bad);
  expect(await scene.sync()).toMatchObject({ state: "failed", because: expect.stringContaining("goes on as before") });
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
