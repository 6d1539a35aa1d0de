import type { PatchOperation } from "../../../../../src/domain/patch/operation.ts";
import type { PatchOutcome, Probe } from "../../../../../src/domain/patch/ports.ts";
import type { Scheduler } from "./scheduler.ts";

/** What a truss is made of here: model files and environment variables. */
export interface Content {
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

/** In place of BLAKE3 the content itself, so that a judge sees what a hash promises. */
export function hashOf({ files, env }: Content): string {
  const sorted = (map: Readonly<Record<string, string>>) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sorted(files), sorted(env)]);
}

/** A text that makes the model fail to load; one that is refused when it is written; one whose hot reload fails. */
export const brokenCode = "syntax error";
export const refusedCode = "refused";
export const coldOnlyCode = "cold only";
/** A text whose process, once it was told to end, does not: its load never returns. */
export const endlessCode = "while True";

interface InferenceProcess {
  code: string;
  env: Record<string, string>;
  alive: boolean;
  readyAt: number;
  loads: boolean;
  /** From when on it does not end when it is told to; before, Python is still starting. */
  readonly isHeldFrom: number;
}

/** How long a process takes until it removes the mark of an earlier one, in milliseconds. */
const importsFor = 150;

/** What can be seen from outside at one moment. */
export interface Observation {
  readonly at: number;
  readonly hash: string;
  /** Hash of what answers predictions; null where nothing does. */
  readonly serving: string | null;
}

export interface Application {
  readonly prev: string;
  readonly next: string;
  /** Hash of what lies on the disk afterwards. */
  readonly disk: string;
  /** Whether a control server was killed on this disk before. */
  readonly used: boolean;
}

/** A model of the container of a control truss, with the real server's defects (`facts/truss.md`, read in its source). */
export class Container {
  readonly instance: string;
  readonly startedAt: number;
  readonly history: Observation[] = [];
  readonly applications: Application[] = [];
  hash: string;
  /** Whether predictions are under way that do not end. */
  streams = false;
  /** Whether the next process is killed while it still imports. */
  killNext = false;
  /** Processes that were started. */
  starts = 0;
  /** Requests wait until then: predictions wait for a server that was never started. */
  blockedUntil = 0;
  private readonly imageHash: string;
  private readonly imageEnv: Readonly<Record<string, string>>;
  private files: Record<string, string>;
  private env: Record<string, string>;
  private partial = false;
  private started = false;
  private everStarted = false;
  private crashFile = false;
  private own: InferenceProcess | undefined;
  private port: InferenceProcess | undefined;
  private used = false;
  private readonly scheduler: Scheduler;
  private life = 0;
  /** Whether something waits, with the server's lock, for a process that does not end. */
  private isLocked = false;

  constructor(scheduler: Scheduler, instance: string, image: Content, waits: boolean) {
    this.scheduler = scheduler;
    this.instance = instance;
    this.startedAt = scheduler.now;
    this.imageHash = hashOf(image);
    this.imageEnv = image.env;
    this.hash = this.imageHash;
    this.files = { ...image.files };
    this.env = { ...image.env };
    if (!waits) this.start();
    this.oversee(this.life);
    this.observe();
  }

  /** Whether a request that needs the lock, and one that ends the process, is never answered. */
  isStuck(ends: boolean): boolean {
    const isHeld = this.own?.alive && (this.streams || this.scheduler.now > this.own.isHeldFrom);
    if (ends && isHeld) this.isLocked = true;
    return this.isLocked;
  }

  /** Whether the patches would have the process end, or reload its code for ever. */
  patchIsStuck(request: { hash: string; prevHash: string; patches: readonly PatchOperation[] }): boolean {
    const isDone = request.hash === this.hash || request.prevHash !== this.hash;
    return this.isStuck(!isDone && !request.patches.every((op) => op.type === "model_code" && op.body.hot_reload));
  }

  /** Whether the process that has the port would never be done with reloading the files. */
  reloadIsStuck(): boolean {
    return this.port?.alive === true && Object.values(this.files).includes(endlessCode);
  }

  /** Answers at once, or after `wait` milliseconds by calling again; a hot reload is a second step. */
  patch(request: { hash: string; prevHash: string; patches: readonly PatchOperation[] }): PatchOutcome | "hot" {
    if (request.hash === this.hash) {
      if (!this.started) this.start();
      return this.isAllHot(request.patches) ? "hot" : { kind: "accepted" };
    }
    if (request.prevHash !== this.hash) return { kind: "inadmissible", reason: "expected another prev hash" };
    // As in Python, `all` of nothing is true: no restart for an empty list.
    const inPlace = request.patches.every((op) => op.type === "model_code" && op.body.hot_reload === true);
    if (!inPlace) this.stop();
    const order = ["package", "environment_variable", "config", "model_code"];
    const sorted = [...request.patches].sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
    for (const [index, op] of sorted.entries()) {
      if (this.apply(op)) continue;
      if (index > 0) {
        this.partial = true;
        this.observe();
        return { kind: "unrecoverable", reason: "cannot be written" };
      }
      if (!inPlace) this.start();
      return { kind: "recoverable", reason: "cannot be written" };
    }
    if (!inPlace) this.start();
    this.applications.push({ prev: this.hash, next: request.hash, disk: this.disk(), used: this.used });
    this.hash = request.hash;
    this.observe();
    return this.isAllHot(request.patches) ? "hot" : { kind: "accepted" };
  }

  /** Second step of a hot patch, which the process that has the port answers, whoever started it. */
  hotReload(): PatchOutcome {
    const process = this.port;
    if (!process?.alive || this.scheduler.now < process.readyAt) return { kind: "unknown", reason: "500" };
    const texts = Object.values(this.files);
    if (texts.includes(brokenCode) || texts.includes(coldOnlyCode)) {
      return { kind: "recoverable", reason: "Hot reload failed" };
    }
    process.code = JSON.stringify(this.files);
    this.observe();
    return { kind: "accepted" };
  }

  isPartiallyApplied(): boolean {
    return this.partial;
  }

  restart(): void {
    this.stop();
    this.start();
  }

  stopInference(): void {
    this.stop();
  }

  probe(): Probe {
    if (this.crashFile) return { answers: false, state: "load_failed", reason: "Model load failed" };
    if (this.port?.alive) {
      return this.scheduler.now >= this.port.readyAt
        ? { answers: true }
        : { answers: false, state: "loading", reason: "not loaded yet" };
    }
    if (this.everStarted && !(this.started && this.own?.alive)) {
      return { answers: false, state: "stopped", reason: "stopped running" };
    }
    this.blockedUntil = this.scheduler.now + 20_000;
    return { answers: false, state: "unreachable", reason: "no answer" };
  }

  /** SIGKILL of the inference server. */
  killInference(): void {
    if (this.port) this.port.alive = false;
    this.port = undefined;
    this.observe();
  }

  /** SIGKILL of the control server: another one starts on the same disk, and the inference server lives on. */
  killControl(waits: boolean): void {
    this.life += 1;
    this.hash = this.imageHash;
    this.env = { ...this.imageEnv };
    this.partial = false;
    this.started = false;
    this.everStarted = false;
    this.own = undefined;
    this.used = true;
    if (!waits) this.start();
    this.oversee(this.life);
    this.observe();
  }

  private isAllHot(patches: readonly PatchOperation[]): boolean {
    return patches.length > 0 && patches.every((op) => op.type === "model_code" && op.body.hot_reload === true);
  }

  private apply(op: PatchOperation): boolean {
    if (op.type === "environment_variable") {
      for (const [name, value] of Object.entries(op.body.item)) {
        if (op.body.action === "REMOVE") delete this.env[name];
        else this.env[name] = value;
      }
    } else if (op.type === "model_code") {
      const { action, path, content } = op.body;
      if (action === "REMOVE") delete this.files[path];
      else if (content === refusedCode || content === null) return false;
      else this.files[path] = content;
    }
    return true;
  }

  private start(): void {
    const loads = !Object.values(this.files).includes(brokenCode);
    const isEndless = Object.values(this.files).includes(endlessCode);
    const readyAt = isEndless ? Number.POSITIVE_INFINITY : this.scheduler.now + this.scheduler.between(200, 3_000);
    const isHeldFrom = isEndless ? this.scheduler.now + 500 : Number.POSITIVE_INFINITY;
    const code = JSON.stringify(this.files);
    const process = { code, env: { ...this.env }, alive: true, readyAt, loads, isHeldFrom };
    this.own = process;
    this.started = true;
    this.everStarted = true;
    this.starts += 1;
    if (this.killNext) this.scheduler.after(importsFor / 2, () => this.killInference());
    this.killNext = false;
    // Somebody else's process holds the port: this one ends at once.
    if (this.port?.alive) process.alive = false;
    else {
      this.port = process;
      // The mark of an earlier process stays until this one has imported all it needs: killed before that, it leaves the mark.
      this.scheduler.after(importsFor, () => {
        if (process.alive) this.crashFile = false;
      });
      const loadsFor = isEndless ? 0 : readyAt - this.scheduler.now;
      this.scheduler.after(loadsFor, () => {
        if (!process.alive || isEndless) return;
        if (!loads) {
          process.alive = false;
          if (this.port === process) this.port = undefined;
          if (this.own === process) this.crashFile = true;
        }
        this.observe();
      });
    }
    this.observe();
  }

  private stop(): void {
    if (this.own?.alive) {
      this.own.alive = false;
      if (this.port === this.own) this.port = undefined;
    }
    this.started = false;
    this.observe();
  }

  private oversee(life: number): void {
    this.scheduler.after(10_000, () => {
      if (this.life !== life) return;
      if (this.started && !this.own?.alive && !this.crashFile) this.start();
      this.oversee(life);
    });
  }

  private disk(): string {
    return hashOf({ files: this.files, env: this.env });
  }

  private observe(): void {
    const process = this.port;
    const answers = process?.alive && process.loads && this.scheduler.now >= process.readyAt;
    const serving = answers
      ? hashOf({ files: JSON.parse(process.code) as Record<string, string>, env: process.env })
      : null;
    this.history.push({ at: this.scheduler.now, hash: this.hash, serving });
  }
}
