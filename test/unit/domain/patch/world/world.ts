import { hashAt, headOf, type NewPatch } from "../../../../../src/domain/patch/chain.ts";
import type { PatchOperation } from "../../../../../src/domain/patch/operation.ts";
import type { ControlServer, PatchOutcome, PatchStore, Probe, Reply } from "../../../../../src/domain/patch/ports.ts";
import { sync } from "../../../../../src/domain/patch/sync.ts";
import type { Seen, SyncResult } from "../../../../../src/domain/patch/turn.ts";
import { brokenCode, Container, type Content, coldOnlyCode, endlessCode, hashOf, refusedCode } from "./container.ts";
import { judgeContainer, judgeResult } from "./judge.ts";
import { MemoryStore } from "./memoryStore.ts";
import { Scheduler } from "./scheduler.ts";

const version = "1";
/** Longer than any request is under way here, shorter than what syncs call late. */
const replyWithin = 30_000;
const times = { withinMs: 60_000, leaseMs: 20_000, lateMs: 120_000, downMs: 15_000 };

const never = new Promise<never>(() => {});

/** What one schedule came to, for statistics. */
export interface Tally {
  syncs: Record<SyncResult["state"] | "crashed", number>;
  applied: number;
  faults: number;
  stored: number;
}

/**
 * One schedule: clients that edit, undo and repeat themselves, replicas that sync and crash, a container whose processes
 * are killed, requests that are lost, late or answered to nobody. Throws where a history breaks what is promised.
 */
export async function runSchedule(seed: number): Promise<Tally> {
  const scheduler = new Scheduler(seed);
  const world = new World(scheduler);
  const end = scheduler.now + scheduler.between(60_000, 240_000);
  const isOver = () => scheduler.now >= end;
  const clients = 1 + Math.floor(scheduler.random() * 3);
  const actors = [
    ...Array.from({ length: clients }, () => world.client(isOver)),
    world.reconciler(isOver),
    world.faultInjector(isOver),
  ];
  let done = false;
  const finish = Promise.all(actors).then(() => world.converge());
  const outcome = finish.then(
    () => undefined,
    (error: unknown) => error ?? new Error("failed"),
  );
  let failure: unknown;
  void outcome.then((error) => {
    failure = error;
    done = true;
  });
  const ended = await scheduler.run(() => done, end + 100_000_000);
  if (!ended) throw new Error("the schedule hangs");
  if (failure) throw failure;
  world.judge();
  return world.tally;
}

class World {
  readonly tally: Tally = {
    syncs: { synced: 0, recreate: 0, replaced: 0, fullDeployment: 0, failed: 0, unsettled: 0, crashed: 0 },
    applied: 0,
    faults: 0,
    stored: 0,
  };
  private readonly scheduler: Scheduler;
  private readonly store: MemoryStore;
  private readonly containers: Container[] = [];
  private readonly contents = new Map<string, Content>();
  private calm = false;
  private ids = 0;
  /** What a replica knows that has not restarted. */
  private readonly seen = new Map<string, Seen>();
  /** How bad this schedule's network and processes are. */
  private readonly loss: number;
  /**
   * Either a container that is replaced keeps its address, as in a pod, where the control server's end is the
   * container's; or a control server may restart on a used disk, and then each container has an address of its own.
   */
  private readonly keepsAddress: boolean;
  private readonly crash: number;

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
    this.keepsAddress = scheduler.chance(0.4);
    this.loss = scheduler.pick([0, 0.02, 0.1]);
    this.crash = scheduler.pick([0, 0.01, 0.05]);
    const image = this.known({ files: { "model.py": "v0" }, env: {} });
    this.store = new MemoryStore(hashOf(image));
    this.newContainer();
  }

  private get container(): Container {
    return this.containers.at(-1) as Container;
  }

  private known(content: Content): Content {
    this.contents.set(hashOf(content), content);
    return content;
  }

  private newContainer(): void {
    const image = this.contents.get(this.store.chain.baseHash) as Content;
    this.containers.push(
      new Container(this.scheduler, `container-${this.containers.length}`, image, this.scheduler.chance(0.8)),
    );
  }

  async client(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.scheduler.sleep(this.scheduler.between(10, 15_000));
      const result = await this.stage(this.edit());
      if (result && this.scheduler.chance(0.8)) await this.syncOnce();
    }
  }

  async reconciler(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.scheduler.sleep(this.scheduler.between(1_000, 20_000));
      await this.syncOnce();
    }
  }

  async faultInjector(isOver: () => boolean): Promise<void> {
    const every = this.scheduler.pick([8_000, 40_000, 1_000_000]);
    while (!isOver()) {
      await this.scheduler.sleep(this.scheduler.between(1, every));
      this.tally.faults += 1;
      const waits = this.scheduler.chance(0.8);
      const kind = this.scheduler.random();
      if (kind < 0.35) this.container.killInference();
      else if (kind < 0.6 && !this.keepsAddress) this.container.killControl(waits);
      else if (kind < 0.85) this.newContainer();
      else if (kind < 0.95) this.container.blockedUntil = this.scheduler.now + 20_000;
      else await this.deploy();
    }
  }

  /** Faults stop, operators do what syncs ask for: soon the head must be what answers. */
  async converge(): Promise<void> {
    this.calm = true;
    await this.scheduler.sleep(200_000);
    let last: SyncResult | undefined;
    for (let round = 0; round < 12; round += 1) {
      last = await this.syncOnce();
      if (last?.state === "synced") {
        if (last.hash !== headOf(this.store.chain).hash) throw new Error("synced to something else than the head");
        return;
      }
      const head = this.contents.get(headOf(this.store.chain).hash) as Content;
      const isEndless = last?.state === "unsettled" && Object.values(head.files).includes(endlessCode);
      if (last?.state === "failed" || isEndless) {
        const wrong = [brokenCode, refusedCode, endlessCode];
        const atFault = Object.values(head.files).some((text) => wrong.includes(text));
        if (!atFault) throw new Error(`failed though the truss is right: ${JSON.stringify(last)}`);
        await this.stage({ files: { "model.py": `healed ${round}` }, env: head.env });
      }
    }
    throw new Error(`does not converge: ${JSON.stringify(last)}`);
  }

  judge(): void {
    for (const container of this.containers) {
      judgeContainer(container);
      this.tally.applied += container.applications.length;
    }
  }

  private edit(): Content {
    const { scheduler, store } = this;
    const head = this.contents.get(headOf(store.chain).hash) as Content;
    if (scheduler.chance(0.35)) {
      const back = Math.max(0, headOf(store.chain).seq - 1 - Math.floor(scheduler.random() * 3));
      return this.contents.get(hashAt(store.chain, back) as string) as Content;
    }
    const files = { ...head.files };
    const env = { ...head.env };
    const path = scheduler.pick(["model.py", "model.py", "b.py", "c/d.py"]);
    if (scheduler.chance(0.2) && path !== "model.py") delete files[path];
    else if (scheduler.chance(0.1)) files[path] = scheduler.pick([brokenCode, refusedCode, coldOnlyCode, endlessCode]);
    else files[path] = `v${Math.floor(scheduler.random() * 6)}`;
    if (scheduler.chance(0.2)) env[scheduler.pick(["A", "B"])] = `${Math.floor(scheduler.random() * 3)}`;
    if (scheduler.chance(0.1)) delete env.A;
    return { files, env };
  }

  /** Stores a patch from the head that the client last saw, sometimes twice, sometimes too late. */
  private async stage(content: Content): Promise<boolean> {
    const { scheduler, store } = this;
    const prevHash = headOf(store.chain).hash;
    const before = this.contents.get(prevHash) as Content;
    this.known(content);
    const hot = scheduler.chance(0.6);
    const patch: NewPatch = { prevHash, nextHash: hashOf(content), ops: difference(before, content, hot) };
    await scheduler.sleep(scheduler.between(0, 200));
    const { seq } = headOf(store.chain);
    const result = await store.append(version, patch);
    if (scheduler.chance(0.1)) await store.append(version, patch);
    if (headOf(store.chain).seq > seq + 1) throw new Error("one patch was stored twice");
    if ("stored" in result) this.tally.stored += 1;
    return "stored" in result;
  }

  private async deploy(): Promise<void> {
    await this.store.startGeneration(version, headOf(this.store.chain).hash);
    this.newContainer();
  }

  /** One sync by one replica, which may crash at any step; answers undefined then. */
  private async syncOnce(): Promise<SyncResult | undefined> {
    const { scheduler } = this;
    const container = this.container;
    const began = scheduler.now;
    const headAtStart = { ...headOf(this.store.chain), generation: this.store.chain.generation };
    this.ids += 1;
    const id = `sync-${this.ids}`;
    const crashed = Promise.withResolvers<undefined>();
    const ports = {
      store: this.remoteStore(() => crashed.resolve(undefined)),
      control: this.remoteControl(container, () => crashed.resolve(undefined)),
      clock: { now: () => scheduler.now, sleep: (ms: number) => scheduler.sleep(ms) },
      newId: () => id,
      ...(scheduler.chance(0.7) ? { seen: this.seen } : {}),
    };
    const result = await Promise.race([sync(version, ports, times).catch(() => undefined), crashed.promise]);
    this.tally.syncs[result?.state ?? "crashed"] += 1;
    if (!result) return undefined;
    judgeResult(result, headAtStart, this.containers, began, scheduler.now);
    if (result.state === "recreate" && container === this.container) this.newContainer();
    if (result.state === "fullDeployment" && container === this.container) await this.deploy();
    return result;
  }

  /** A replica's connection to the database: what was committed may be answered to nobody. */
  private remoteStore(crash: () => void): PatchStore {
    const call = async <T>(run: () => Promise<T>): Promise<T> => {
      await this.step(crash);
      await this.scheduler.sleep(this.scheduler.between(0, 20));
      const result = await run();
      await this.step(crash);
      if (this.lost()) throw new Error("connection to the database lost");
      return result;
    };
    return {
      read: (id) => call(() => this.store.read(id)),
      append: (id, patch) => call(() => this.store.append(id, patch)),
      startGeneration: (id, base) => call(() => this.store.startGeneration(id, base)),
      writeRecord: (id, record, revision) => call(() => this.store.writeRecord(id, record, revision)),
    };
  }

  /** The control server behind a network. */
  private remoteControl(target: Container, crash: () => void): ControlServer {
    /** `ends`: whether the request ends the process; undefined where it does not even need the server's lock. */
    const reply = <T>(run: (container: Container) => T, ends?: boolean): Promise<Reply<T>> =>
      this.request<Reply<T>>(
        crash,
        reached,
        async (container) => {
          if (ends !== undefined && container.isStuck(ends)) await never;
          return { ok: true, value: run(container) };
        },
        { ok: false, reason: "no answer" },
      );
    const reached = () => (this.keepsAddress || target === this.container ? this.container : undefined);
    const unknown: PatchOutcome = { kind: "unknown", reason: "no answer" };
    return {
      instance: target.instance,
      startedAt: target.startedAt,
      runningHash: () => reply((container) => container.hash),
      isPartiallyApplied: () => reply((container) => container.isPartiallyApplied(), false),
      restartInference: () => reply((container) => void container.restart(), true) as Promise<Reply<undefined>>,
      stopInference: () => reply((container) => void container.stopInference(), true) as Promise<Reply<undefined>>,
      patch: (request) =>
        this.request(
          crash,
          reached,
          async (container) => {
            if (container.patchIsStuck(request)) await never;
            const outcome = container.patch(request);
            if (outcome !== "hot") return outcome;
            await this.scheduler.sleep(this.scheduler.between(5, 200));
            if (container.reloadIsStuck()) await never;
            return container.hotReload();
          },
          unknown,
        ),
      probe: () =>
        this.request<Probe>(crash, reached, async (container) => container.probe(), {
          answers: false,
          state: "unreachable",
          reason: "no answer",
        }),
    };
  }

  private async request<T>(
    crash: () => void,
    reached: () => Container | undefined,
    run: (container: Container) => Promise<T>,
    lostAnswer: T,
  ): Promise<T> {
    const { scheduler } = this;
    await this.step(crash);
    const answer = Promise.withResolvers<T>();
    scheduler.after(replyWithin, () => answer.resolve(lostAnswer));
    if (!this.lost()) {
      const late = this.lost() ? scheduler.between(1_000, 90_000) : scheduler.between(1, 30);
      scheduler.after(late, async () => {
        const blocked = (reached()?.blockedUntil ?? 0) - scheduler.now;
        if (blocked > 0) await scheduler.sleep(blocked);
        const container = reached();
        // Nobody is at that address any more: the connection is refused.
        if (!container) return answer.resolve(lostAnswer);
        const result = await run(container);
        if (!this.lost()) scheduler.after(scheduler.between(1, 30), () => answer.resolve(result));
      });
    }
    const result = await answer.promise;
    await this.step(crash);
    return result;
  }

  private lost(): boolean {
    return !this.calm && this.scheduler.chance(this.loss);
  }

  /** A place where the replica may end: it never goes on from here. */
  private step(crash: () => void): Promise<void> {
    if (this.calm || !this.scheduler.chance(this.crash)) return Promise.resolve();
    crash();
    return new Promise(() => {});
  }
}

function difference(before: Content, after: Content, hot: boolean): PatchOperation[] {
  const ops: PatchOperation[] = [];
  for (const name of new Set([...Object.keys(before.env), ...Object.keys(after.env)])) {
    const [old, value] = [before.env[name], after.env[name]];
    if (old === value) continue;
    const action = value === undefined ? "REMOVE" : old === undefined ? "ADD" : "UPDATE";
    ops.push({ type: "environment_variable", body: { action, item: { [name]: value ?? old ?? "" } } });
  }
  for (const path of new Set([...Object.keys(before.files), ...Object.keys(after.files)])) {
    const [old, text] = [before.files[path], after.files[path]];
    if (old === text) continue;
    const action = text === undefined ? "REMOVE" : old === undefined ? "ADD" : "UPDATE";
    const body = { action, path, content: text ?? null } as const;
    ops.push({ type: "model_code", body: hot ? { ...body, hot_reload: true } : body });
  }
  return ops;
}
