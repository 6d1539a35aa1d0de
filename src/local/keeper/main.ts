/**
 * The keeper of one environment, on the host: `node keeper/main.ts <name> <home>`. It owns everything of the environment
 * that lives outside its namespaces (the relayed ports, the egress proxy and the build service) and the namespaces themselves. It ends when it
 * is asked to, when the cluster inside has ended, or when the `up` that still makes some of its tools is gone; whatever ends it, even SIGKILL, ends the cluster too, because PID 1
 * inside reads a pipe that only the keeper holds open.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { lstat, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../domain/errors.ts";
import { readState } from "../environmentState.ts";
import { relayedEndpoints } from "../hostPorts.ts";
import { environmentLayout } from "../layout.ts";
import { startEgressProxy } from "../network/egressProxy.ts";
import { relayTcpToUnix } from "../network/relay.ts";
import { packageIndexes, packageSettings } from "../packageSettings.ts";
import { startupError } from "../startupError.ts";
import { ToolchainFile } from "../toolchainFile.ts";
import { acquireKeeperLock } from "./lock.ts";

/** PID 1 inside gives the supervisor 20 s to stop everything; then the namespace is killed as a whole. */
const stopWithinMs = 25_000;
const restartBuilderMs = 1_000;

const [name = "", home = ""] = process.argv.slice(2);
const layout = environmentLayout(name, home);
const log = (line: string): void => console.error(`${new Date().toISOString()} ${line}`);

const lock = await acquireKeeperLock(layout);
if (!lock) {
  log("another keeper holds this environment");
  process.exit(0);
}
await mkdir(layout.logs, { recursive: true, mode: 0o700 });

let cluster: ChildProcess | undefined;
let builder: ChildProcess | undefined;
let stopping: Promise<void> | undefined;

try {
  await mkdir(layout.sockets, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(layout.sockets);
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) {
    throw new Error(`${layout.sockets} is not this user's alone: remove it and run \`up\` again`);
  }
  const state = await readState(layout);
  if (!state) throw new Error(`${layout.stateFile} is missing`);
  const toolchain = new ToolchainFile(layout);
  const shim = (await toolchain.read())?.arrived["container-shim"];
  if (!shim) throw new Error("the container shim has not been made; run `up` again");
  // Relays first: a taken port must be told before anything is started.
  for (const endpoint of relayedEndpoints) {
    const port = state.ports[endpoint];
    if (port !== undefined) await relayTcpToUnix({ host: "127.0.0.1", port, socketPath: layout.socketOf(endpoint) });
  }
  const open = async () => packageIndexes(await packageSettings());
  await startEgressProxy({ socketPath: layout.socketOf("egress"), open });
  startBuilder();
  const control = createServer((request, response) => {
    if (request.method === "POST" && request.url === "/stop") void stop("asked to stop");
    response.end(JSON.stringify({ pid: process.pid, stopping: stopping !== undefined }));
  });
  await rm(layout.socketOf("keeper"), { force: true });
  await new Promise<void>((resolve) => control.listen(layout.socketOf("keeper"), resolve));

  const supervisor = fileURLToPath(new URL("../supervisor/main.ts", import.meta.url));
  cluster = spawn(
    "flock",
    [
      // After a kill -9 of a keeper its cluster may still be stopping: two must never share the data folders.
      ...["--no-fork", "--timeout", "40", `${layout.root}/cluster.lock`, "unshare"],
      ...["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"],
      ...[shim, "init", "--", process.execPath, supervisor, layout.name, layout.home],
    ],
    { stdio: ["pipe", "inherit", "inherit"], env: clusterEnvironment() },
  );
  cluster.once("error", (error) => void end(1, `could not start the cluster's namespaces: ${error.message}`));
  cluster.once("exit", (code, signal) => {
    if (!stopping) void end(1, `the cluster ended with ${signal ?? `exit code ${code}`}`);
  });
  log(`keeper ${process.pid} started the cluster as ${cluster.pid}`);
  void toolchain.abandoned().then(() => stop("the `up` that was making its tools has ended; the next one goes on"));
} catch (error) {
  await startupError(layout).write(messageOf(error));
  await end(1, messageOf(error));
}

/** A process of its own, so that a build neither delays the relays nor takes them along when it fails. */
function startBuilder(): void {
  const program = fileURLToPath(new URL("../builder/main.ts", import.meta.url));
  const child = spawn(process.execPath, [program, layout.name, layout.home], { stdio: ["pipe", "inherit", "inherit"] });
  builder = child;
  child.once("error", (error) => log(`the build service cannot be started: ${error.message}`));
  child.once("exit", (code, signal) => {
    if (stopping) return;
    log(`the build service ended with ${signal ?? `exit code ${code}`}; starting it again`);
    setTimeout(startBuilder, restartBuilderMs).unref();
  });
}

process.on("SIGTERM", () => void stop("SIGTERM"));
process.on("SIGINT", () => void stop("SIGINT"));
process.on("SIGHUP", () => {});

/**
 * The user's environment without what would lead the cluster's own parts astray: proxies that the namespace cannot reach
 * (the egress proxy out here uses them), and settings of PostgreSQL clients, etcd and kubectl that are about other servers.
 */
function clusterEnvironment(): NodeJS.ProcessEnv {
  const misleading = /^((https?|all|no)_proxy|PG[A-Z]+|ETCD_\w+|KUBE\w*)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([variable]) => !misleading.test(variable)));
}

function stop(why: string): Promise<void> {
  stopping ??= (async () => {
    log(`stopping: ${why}`);
    await Promise.all([cluster, builder].map(ended));
    await end(0, "stopped");
  })();
  return stopping;
}

/** Both end when the pipe to them closes. Who sees this process gone is to find them gone too. */
async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdin?.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
  await gone;
  clearTimeout(timer);
}

async function end(code: number, why: string): Promise<never> {
  log(why);
  await rm(layout.sockets, { recursive: true, force: true });
  await lock?.release();
  process.exit(code);
}
