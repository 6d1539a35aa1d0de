import { spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageLayer } from "../../adapters/images/directoryImage.ts";
import { bubblewrapOptions, type ContainerMount } from "./bubblewrap.ts";
import { mountRoot, unmountRoot } from "./containerRoot.ts";
import { execCommand, parseEnviron } from "./execCommand.ts";
import { readJson } from "./podRecord.ts";
import { type CommandResult, type ProcessRef, processRef, runCommand } from "./processes.ts";

/** Everything needed to start one run of a container. */
export interface ContainerStart {
  readonly shim: string;
  /** Pause process of the pod. */
  readonly sandbox: ProcessRef;
  /** `containers/<name>` in the pod's folder. */
  readonly folder: string;
  readonly attempt: number;
  readonly rootfs: string;
  readonly layers: readonly ImageLayer[];
  /** As a `DirectoryImage` has it. */
  readonly ownSystem: boolean;
  readonly mounts: readonly ContainerMount[];
  readonly workingDir: string;
  readonly env: ReadonlyMap<string, string>;
  readonly argv: readonly string[];
  readonly terminationMessagePath: string;
  /** Called when the parent process ends. */
  readonly onExit: () => void;
}

/** `exit.json`, written by container-shim. */
export interface ExitRecord {
  readonly exitCode: number;
  readonly signal: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly startFailed: boolean;
}

/** Folder of one run below a container's folder. */
export function runFolder(containerFolder: string, attempt: number): string {
  return join(containerFolder, String(attempt));
}

/** Log of one run; the part before the last rotation has `.1` behind it. */
export function logFile(containerFolder: string, attempt: number): string {
  return join(containerFolder, `${attempt}.log`);
}

/** Mounts the root and starts the program under a container-shim that outlives the node. Answers the shim. */
export async function startContainer(start: ContainerStart): Promise<ProcessRef> {
  const folder = runFolder(start.folder, start.attempt);
  await unmountRoot(folder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await forgetOldRuns(start.folder, start.attempt);
  const mounted = await mountRoot(folder, start);
  await writeFile(join(folder, "termination-log"), "");
  const argsFile = join(folder, "bwrap.args");
  const options = bubblewrapOptions({
    root: mounted.root,
    hostPaths: mounted.hostPaths,
    mounts: [
      ...start.mounts,
      { source: join(folder, "termination-log"), target: start.terminationMessagePath, readOnly: false },
    ],
    workingDir: start.workingDir,
    env: start.env,
  });
  await writeFile(argsFile, options.map((option) => `${option}\0`).join(""), { mode: 0o600 });
  const namespaces = `/proc/${start.sandbox.pid}/ns`;
  const complaints = openSync(join(start.folder, "shim.log"), "a", 0o600);
  try {
    const child = spawn(
      start.shim,
      [
        ...["run", "--dir", folder, "--log", logFile(start.folder, start.attempt), "--args-file", argsFile, "--"],
        ...["nsenter", `--net=${namespaces}/net`, `--uts=${namespaces}/uts`, `--ipc=${namespaces}/ipc`, "--"],
        ...["bwrap", "--args", "4", "--", ...start.argv],
      ],
      { detached: true, stdio: ["ignore", "ignore", complaints], env: { PATH: process.env.PATH } },
    );
    child.on("exit", start.onExit);
    child.on("error", start.onExit);
    child.unref();
    const ref = child.pid === undefined ? undefined : await processRef(child.pid);
    // At once and synchronously: a node that is killed right here finds the run again by it.
    if (ref) writeFileSync(join(folder, "shim.json"), JSON.stringify(ref));
    // It may have ended already; then exit.json says how.
    return ref ?? { pid: child.pid ?? 0, startTime: "" };
  } finally {
    closeSync(complaints);
  }
}

/** The parent process that was started for a run, recorded or not. */
export function startedShim(containerFolder: string, attempt: number): Promise<ProcessRef | undefined> {
  return readJson<ProcessRef>(join(runFolder(containerFolder, attempt), "shim.json"));
}

/** How the run ended, or undefined while its shim has not said. */
export function exitRecord(containerFolder: string, attempt: number): Promise<ExitRecord | undefined> {
  return readJson<ExitRecord>(join(runFolder(containerFolder, attempt), "exit.json"));
}

/** Process id of the program, once it runs. */
async function programPid(containerFolder: string, attempt: number): Promise<number | undefined> {
  return (await readJson<{ pid: number }>(join(runFolder(containerFolder, attempt), "start.json")))?.pid;
}

/** What the program left at its terminationMessagePath; at most 4096 bytes, as the API documents. */
export async function terminationMessage(containerFolder: string, attempt: number): Promise<string> {
  const text = await readFile(join(runFolder(containerFolder, attempt), "termination-log")).catch(() => Buffer.of());
  return text.subarray(0, 4096).toString();
}

/** Unmounts the run's root and deletes what it wrote there; logs and exit.json stay. */
export function releaseContainer(containerFolder: string, attempt: number): Promise<void> {
  return unmountRoot(runFolder(containerFolder, attempt));
}

/**
 * {@link releaseContainer} of every run below `containersFolder`, recorded or not: a node that was killed between the
 * mount and its record left one that no record names.
 */
export async function releaseAllRuns(containersFolder: string): Promise<void> {
  for (const container of await readdir(containersFolder).catch(() => [])) {
    const folder = join(containersFolder, container);
    const names = await readdir(folder).catch(() => []);
    for (const name of names) if (/^\d+$/.test(name)) await releaseContainer(folder, Number(name));
  }
}

/** Runs a command inside the container, with the program's own environment and rights. `timeout` in milliseconds. */
export async function execInContainer(
  containerFolder: string,
  attempt: number,
  command: readonly string[],
  timeout: number,
): Promise<CommandResult> {
  const pid = await programPid(containerFolder, attempt);
  if (pid === undefined) return { code: undefined, output: "the container is not running yet" };
  const environ = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
  const { env, ...exec } = execCommand(pid, parseEnviron(environ), command);
  return runCommand(exec.command, exec.args, { timeout, env });
}

/** kubelet, too, keeps the present and the previous run. */
async function forgetOldRuns(containerFolder: string, attempt: number): Promise<void> {
  const old = attempt - 2;
  if (old < 0) return;
  await rm(runFolder(containerFolder, old), { recursive: true, force: true });
  for (const suffix of ["", ".1"]) await rm(logFile(containerFolder, old) + suffix, { force: true });
}
