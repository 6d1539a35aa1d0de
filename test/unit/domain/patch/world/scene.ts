import type { PatchOperation } from "../../../../../src/domain/patch/operation.ts";
import type { ControlServer } from "../../../../../src/domain/patch/ports.ts";
import { sync } from "../../../../../src/domain/patch/sync.ts";
import type { Seen, SyncResult } from "../../../../../src/domain/patch/turn.ts";
import { Container, type Content, hashOf } from "./container.ts";
import { MemoryStore } from "./memoryStore.ts";
import { Scheduler } from "./scheduler.ts";

export const image: Content = { files: { "model.py": "v0" }, env: {} };

/** One version with its container, in virtual time, where nothing goes wrong but what a test says. */
export class Scene {
  readonly scheduler = new Scheduler(1);
  readonly store = new MemoryStore(hashOf(image));
  container = new Container(this.scheduler, "container-0", image, true);
  /** Patches that a container was sent, with anything in them. */
  sent = 0;
  /** Pods that were replaced. */
  pods = 0;
  /** What a replica knows that does not restart. */
  private readonly seen = new Map<string, Seen>();
  private content = image;

  constructor() {
    // Time passes in small steps, however little there is to do.
    const beat = (): void => this.scheduler.after(50, beat);
    beat();
  }

  async save(files: Record<string, string>, hot?: "hot"): Promise<void> {
    const next = { files, env: this.content.env };
    const ops: PatchOperation[] = Object.entries(files)
      .filter(([path, content]) => this.content.files[path] !== content)
      .map(([path, content]) => ({
        type: "model_code",
        body: { action: "UPDATE", path, content, ...(hot ? { hot_reload: true as const } : {}) },
      }));
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
      const ports = {
        store: this.store,
        control: this.control(),
        seen: this.seen,
        newId: () => `${this.scheduler.random()}`,
      };
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
        if (container.patchIsStuck(request)) return never;
        const outcome = await soon(() => container.patch(request));
        if (outcome === "hot" && container.reloadIsStuck()) return never;
        return outcome === "hot" ? container.hotReload() : outcome;
      },
      restartInference: () => (container.isStuck(true) ? never : soon(() => done(container.restart()))),
      stopInference: () => (container.isStuck(true) ? never : soon(() => done(container.stopInference()))),
      probe: () => soon(() => container.probe()),
    };
  }
}

const never = new Promise<never>(() => {});

/** Answer of what has no value. */
const done = (_: unknown) => ({ ok: true, value: undefined }) as const;
