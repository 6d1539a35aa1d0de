import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../domain/errors.ts";

/** What a process is started with. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the supervisor's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One long-running process of the environment. */
export interface PartSpec {
  /** Names the log file, the status line and, for parts that use Kubernetes, the kubeconfig. */
  readonly name: string;
  /** How it is started. Asked once; the answer comes when its executable is there, which may still be made. */
  readonly launch: () => Promise<Launch>;
  /** Parts and steps that are ready before this one starts for the first time. */
  readonly after: readonly string[];
  /** When it counts as ready: `message` waits for `process.send("ready")`, a function is polled until it answers true. */
  readonly ready: "message" | (() => Promise<boolean>);
  /** How it is asked to stop; default SIGTERM. `shutdown` sends the message `shutdown` over the IPC channel. */
  readonly stop?: NodeJS.Signals | "shutdown";
  /** Has it finish what it does, before it is asked to stop; what that throws is no reason to wait. @default nothing */
  readonly drain?: () => Promise<void>;
}

export type PartState = "pending" | "starting" | "ready" | "restarting" | "stopped";

export interface PartStatus {
  readonly name: string;
  readonly state: PartState;
  readonly pid: number | null;
  /** How often it has ended and been started again. */
  readonly restarts: number;
  /** Why it ended last, such as `exit code 1` or `SIGKILL`. */
  readonly lastExit: string | null;
}

const firstBackOffMs = 250;
const longestBackOffMs = 10_000;
/** A process that was ready for so long starts again without the back-off it had earned before. */
const stableAfterMs = 30_000;
const probeEveryMs = 50;
const largestLogBytes = 20 * 1024 * 1024;

/** Runs one part for as long as the environment lives: starts it, waits until it is ready, starts it again when it ends. */
export class SupervisedProcess {
  readonly spec: PartSpec;
  readonly #logs: string;
  #child: ChildProcess | undefined;
  #state: PartState = "pending";
  #restarts = 0;
  #lastExit: string | null = null;
  #backOff = firstBackOffMs;
  #stopping = false;
  #wake: (() => void) | undefined;
  #firstReady: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(spec: PartSpec, logs: string) {
    this.spec = spec;
    this.#logs = logs;
  }

  get status(): PartStatus {
    return {
      name: this.spec.name,
      state: this.#state,
      pid: this.#child?.pid ?? null,
      restarts: this.#restarts,
      lastExit: this.#lastExit,
    };
  }

  /** Resolves when the part was ready for the first time. */
  get ready(): Promise<void> {
    return this.#firstReady.promise;
  }

  /** Runs until {@link stop}. Never rejects. */
  async run(): Promise<void> {
    const launch = await this.#preparedLaunch();
    while (launch && !this.#stopping) {
      const startedAt = Date.now();
      const ended = this.#start(launch);
      void this.#awaitReady(this.#child);
      this.#lastExit = await ended;
      this.#child = undefined;
      if (this.#stopping) break;
      this.#state = "restarting";
      this.#restarts += 1;
      if (Date.now() - startedAt > stableAfterMs) this.#backOff = firstBackOffMs;
      await this.#pause();
    }
    this.#state = "stopped";
  }

  /** How the part is started, or undefined where it was stopped before that was known. What fails is tried again. */
  async #preparedLaunch(): Promise<Launch | undefined> {
    while (!this.#stopping) {
      try {
        return await this.spec.launch();
      } catch (error) {
        this.#lastExit = `could not start: ${messageOf(error)}`;
        await this.#pause();
      }
    }
    return undefined;
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, this.#backOff);
    });
    this.#backOff = Math.min(longestBackOffMs, this.#backOff * 2);
  }

  /** Asks the process to end, waits `graceMs`, then kills it. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const { drain } = this.spec;
    if (drain) await Promise.race([drain().catch(() => {}), gone, delay(graceMs / 2, undefined, { ref: false })]);
    const how = this.spec.stop ?? "SIGTERM";
    if (how === "shutdown") child.send("shutdown", () => {});
    else child.kill(how);
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
    await gone;
    clearTimeout(timer);
  }

  #start({ command, args, env }: Launch): Promise<string> {
    this.#state = "starting";
    const log = this.#openLog();
    const ipc = this.spec.ready === "message" || this.spec.stop === "shutdown";
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ipc ? ["ignore", log, log, "ipc"] : ["ignore", log, log],
    });
    closeSync(log);
    this.#child = child;
    return new Promise((resolve) => {
      child.once("error", (error) => resolve(`could not start: ${error.message}`));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
  }

  async #awaitReady(child: ChildProcess | undefined): Promise<void> {
    if (!child) return;
    const { ready } = this.spec;
    if (ready === "message") {
      await new Promise<void>((resolve) => {
        child.on("message", (message) => {
          if (message === "ready") resolve();
        });
        child.once("exit", () => resolve());
      });
    } else {
      while (child === this.#child && !(await ready().catch(() => false))) {
        await new Promise((resolve) => setTimeout(resolve, probeEveryMs));
      }
    }
    if (child !== this.#child || child.exitCode !== null || child.signalCode !== null) return;
    this.#state = "ready";
    this.#firstReady.resolve();
  }

  #openLog(): number {
    const path = join(this.#logs, `${this.spec.name}.log`);
    try {
      if (statSync(path).size > largestLogBytes) renameSync(path, `${path}.1`);
    } catch {
      // No log yet.
    }
    return openSync(path, "a");
  }
}
