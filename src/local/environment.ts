import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { processIdentity } from "../adapters/processes/identity.mjs";
import { withLock } from "../adapters/processes/lock.mjs";
import { withoutOthersCredentials } from "../domain/credentials/environment.ts";
import type { OperatorError } from "../domain/errors.ts";
import type { Progress } from "../domain/progress.ts";
import { type EnvironmentState, makeState, readState } from "./environmentState.ts";
import type { MovedPort, WantedPorts } from "./hostPorts.ts";
import { keeperProcess } from "./keeper/lock.ts";
import type { EnvironmentLayout } from "./layout.ts";
import { ensureAuthority, writeKubeconfig } from "./pki.ts";
import { refuse } from "./refusals.ts";
import { startupError } from "./startupError.ts";
import { StartupPatience } from "./startupPatience.ts";
import { startupProgress } from "./startupProgress.ts";
import { type EnvironmentStatus, readStatus } from "./supervisor/statusServer.ts";
import type { SupervisorStatus } from "./supervisor/supervisor.ts";
import type { ArrivingToolchain } from "./toolchain/index.ts";
import { ToolchainFile } from "./toolchainFile.ts";

const pollMs = 50;
const pollWhileMakingMs = 500;
/** From nothing, on two busy cores, everything is ready in about 20 s; no part or step in so long means something is broken. */
const withoutProgressMs = 120_000;
const stopWithinMs = 45_000;

export interface StartOptions {
  /** What has arrived of it is used at once, the rest as it arrives. */
  readonly toolchain: ArrivingToolchain;
  /** Those asked for; the others stay what they were. */
  readonly ports?: WantedPorts;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface StartingEnvironment {
  readonly state: EnvironmentState;
  /** False where its processes were running already. */
  readonly launched: boolean;
  /** Resolves when every part is ready, which needs the whole toolchain; rejects with the reason why that cannot be. */
  readonly ready: Promise<void>;
}

/**
 * Brings the environment's processes up, or finds them running: each starts as soon as its executable has arrived. Answers when
 * the first of them have been started.
 */
export async function startEnvironment(layout: EnvironmentLayout, options: StartOptions): Promise<StartingEnvironment> {
  const task = options.progress.begin("environment");
  const failed = (error: unknown): never => {
    task.failed();
    throw error;
  };
  try {
    // PID 1 of its namespaces.
    await options.toolchain.part("container-shim");
    const file = new ToolchainFile(layout);
    const whole = options.toolchain.isComplete;
    const { state, launched } = await ensureKeeper(layout, file, options);
    const ready = async (): Promise<void> => {
      await waitUntilReady(layout, file, options, { whole, show: (detail) => task.update(detail) });
      task.done(launched ? "up" : "already up");
    };
    return { state, launched, ready: ready().catch(failed) };
  } catch (error) {
    return failed(error);
  }
}

/** One process at a time makes an environment's password, certificates and keeper. */
function ensureKeeper(
  layout: EnvironmentLayout,
  file: ToolchainFile,
  options: StartOptions,
): Promise<{ state: EnvironmentState; launched: boolean }> {
  const lock = join(layout.home, "locks", layout.name);
  return withLock(lock, { signal: options.signal }, () => findOrLaunchKeeper(layout, file, options));
}

async function findOrLaunchKeeper(
  layout: EnvironmentLayout,
  file: ToolchainFile,
  { toolchain, signal, ports, progress }: StartOptions,
): Promise<{ state: EnvironmentState; launched: boolean }> {
  let running = await keeperProcess(layout);
  const handed = await file.read();
  // A keeper that could not start tries the same again for ever; its parts are chosen when it starts.
  const outdated =
    (await startupError(layout).read()) !== undefined ||
    !handed ||
    (toolchain.tekton && !handed.tekton) ||
    // It was started before there was a console, and relays none.
    (await readState(layout))?.ports.console === undefined;
  if (running !== undefined && outdated) {
    await stopEnvironment(layout);
    running = undefined;
  }
  const state = await stateOf(layout, running !== undefined, { ports, progress });
  await ensureAuthority(layout);
  await writeKubeconfig(
    layout,
    { part: "admin", user: "menagerie:admin", groups: ["system:masters"] },
    `https://127.0.0.1:${state.ports.apiserver}`,
    layout.kubeconfig,
  );
  if (running === undefined || !handed?.isComplete) await file.publish(toolchain, signal);
  if (running !== undefined) return { state, launched: false };
  await launchKeeper(layout);
  return { state, launched: true };
}

/** What runs keeps its ports; what is about to start tells of each that another program has by now. */
async function stateOf(
  layout: EnvironmentLayout,
  runs: boolean,
  { ports, progress }: { readonly ports: WantedPorts | undefined; readonly progress: Progress },
): Promise<EnvironmentState> {
  const kept = runs ? await readState(layout) : undefined;
  if (kept) return kept;
  const { state, moved } = await makeState(layout, ports);
  for (const port of moved) progress.note(describeMovedPort(layout, port));
  return state;
}

function describeMovedPort({ name }: EnvironmentLayout, { endpoint, from, to }: MovedPort): string {
  return `environment ${name}: another program has port ${from}, so the ${endpoint} is at 127.0.0.1:${to} from now on`;
}

/** Stops every process of the environment; its state stays. Answers false when nothing was running. */
export async function stopEnvironment(layout: EnvironmentLayout): Promise<boolean> {
  const pid = await keeperProcess(layout);
  if (pid !== undefined) await stopKeeper(layout, pid);
  await awaitClusterEnd(layout);
  return pid !== undefined;
}

async function stopKeeper(layout: EnvironmentLayout, pid: number): Promise<void> {
  const identity = processIdentity(pid);
  if (!(await askKeeperToStop(layout))) signalIfThere(pid, "SIGTERM");
  const deadline = Date.now() + stopWithinMs;
  // Its end, not that of its lock, which it releases a moment before.
  while (processIdentity(pid) === identity) {
    if (Date.now() > deadline) {
      // SIGKILL is safe: the cluster ends when the keeper's end of its pipe closes.
      signalIfThere(pid, "SIGKILL");
      return;
    }
    await delay(pollMs);
  }
}

/** After a keeper that was killed its cluster goes on stopping for a while; the cluster's lock is held until it has ended. */
async function awaitClusterEnd(layout: EnvironmentLayout): Promise<void> {
  const lock = join(layout.root, "cluster.lock");
  if (!existsSync(lock)) return;
  const child = spawn("flock", ["--timeout", String(stopWithinMs / 1000), lock, "true"], { stdio: "ignore" });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("exit", resolve);
    child.once("error", reject);
  });
  if (code !== 0) throw refuse("environment.does-not-end", { name: layout.name, logs: layout.logs });
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** What runs, or undefined when the environment is down. */
export async function environmentStatus(layout: EnvironmentLayout): Promise<EnvironmentStatus | undefined> {
  if ((await keeperProcess(layout)) === undefined) return undefined;
  return readStatus(layout.socketOf("supervisor"));
}

/** `starting`: its keeper runs, and its parts are on their way, also after the supervisor was killed. */
export type EnvironmentCondition = "up" | "starting" | "down";

/** What an embedded environment is at. */
export async function environmentCondition(layout: EnvironmentLayout): Promise<EnvironmentCondition> {
  if ((await keeperProcess(layout)) === undefined) return "down";
  return (await readStatus(layout.socketOf("supervisor")))?.ready ? "up" : "starting";
}

async function launchKeeper(layout: EnvironmentLayout): Promise<void> {
  await mkdir(layout.logs, { recursive: true, mode: 0o700 });
  await startupError(layout).clear();
  const log = await open(join(layout.logs, "keeper.log"), "a");
  const program = fileURLToPath(new URL("./keeper/main.ts", import.meta.url));
  const child = spawn(process.execPath, [program, layout.name, layout.home], {
    cwd: layout.root,
    // It stays when the terminal is closed, and so would the credentials of that, in whatever it starts.
    env: withoutOthersCredentials(process.env),
    // A session of its own, so that Ctrl-C at the terminal does not reach it.
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  child.unref();
  await log.close();
  // Until it holds its lock, or has ended: whoever looks next must see it.
  const deadline = Date.now() + 10_000;
  while ((await keeperProcess(layout)) === undefined && child.exitCode === null && Date.now() < deadline) {
    await delay(pollMs);
  }
}

async function waitUntilReady(
  layout: EnvironmentLayout,
  file: ToolchainFile,
  options: StartOptions,
  { whole, show }: { readonly whole: boolean; show(detail: string): void },
): Promise<void> {
  // Counted from when nothing has to be made any more.
  let startedAt = whole ? Date.now() : undefined;
  let patience = new StartupPatience(withoutProgressMs, Date.now());
  for (;;) {
    options.signal.throwIfAborted();
    if (startedAt === undefined && options.toolchain.isComplete) {
      startedAt = Date.now();
      patience = new StartupPatience(withoutProgressMs, startedAt);
      // While tools were made the keeper may have ended, as it does when this process was stopped for a while (Ctrl-Z).
      await ensureKeeper(layout, file, options);
    }
    const status = await readStatus(layout.socketOf("supervisor"));
    if (status?.ready && startedAt !== undefined) return;
    patience.see(status, Date.now());
    if (status) show(startupProgress(status, options.toolchain.isComplete));
    const error = await startupError(layout).read();
    if (error !== undefined) throw refuse("environment.cannot-start", { error });
    const waited = startedAt === undefined ? 0 : Date.now() - startedAt;
    if (waited > 3_000 && (await keeperProcess(layout)) === undefined) {
      throw refuse("environment.ended", { logs: layout.logs });
    }
    if (startedAt !== undefined && patience.isOver(Date.now())) {
      throw notReady(layout, patience.last);
    }
    await delay(startedAt === undefined ? pollWhileMakingMs : pollMs);
  }
}

function notReady(layout: EnvironmentLayout, status: SupervisorStatus | undefined): OperatorError {
  const { logs } = layout;
  if (!status) return refuse("environment.silent", { logs });
  const step = status.pendingSteps.find((pending) => pending.lastError !== null);
  if (step) return refuse("environment.step-failed", { step: step.name, reason: step.lastError ?? "" });
  const part = status.parts.find((candidate) => candidate.state !== "ready");
  return refuse("environment.part-not-ready", { part: part?.name ?? "a part", exit: part?.lastExit ?? "none", logs });
}

function askKeeperToStop(layout: EnvironmentLayout): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request(
      { socketPath: layout.socketOf("keeper"), path: "/stop", method: "POST", timeout: 2_000 },
      (response) => {
        response.resume();
        response.on("end", () => resolve(true));
      },
    );
    call.on("timeout", () => call.destroy());
    call.on("error", () => resolve(false));
    call.end();
  });
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
