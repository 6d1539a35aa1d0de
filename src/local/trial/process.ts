import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { processIdentity } from "../../adapters/processes/identity.mjs";
import { withoutOthersCredentials } from "../../domain/credentials/environment.ts";
import { lastLine } from "../../domain/lastLine.ts";
import { uidOf } from "../../domain/trial/pod.ts";
import { runCommand } from "../node/processes.ts";
import { knownTrials, socketOf, type TrialPlace } from "./place.ts";
import { readPodLog } from "./podLog.ts";
import { removeTrial } from "./remove.ts";
import type { PodRunner } from "./runningTrial.ts";
import { SpecServer, type TrialEvent, type TrialSpec } from "./spec.ts";

/** PID 1 inside gives everything 20 s to stop; then the namespace is killed as a whole. */
const stopWithinMs = 25_000;
/** A folder without an owner's file is one whose owner was killed as it began. */
const beginsWithinMs = 60_000;

/**
 * The processes of one trial. They have namespaces of their own, whose PID 1 reads a pipe that only this process holds open: whatever
 * ends this process, even SIGKILL, ends them too.
 */
export class TrialProcess implements PodRunner {
  readonly place: TrialPlace;
  readonly #child: ChildProcess;
  readonly #spec: SpecServer;
  readonly #listeners = new Set<(event: TrialEvent) => void>();
  /** Resolves with the reason once they have ended. */
  readonly ended: Promise<string>;

  private constructor(place: TrialPlace, child: ChildProcess, spec: SpecServer) {
    this.place = place;
    this.#spec = spec;
    this.#child = child;
    let reason: string | undefined;
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const event = JSON.parse(line) as TrialEvent;
        if (event.kind === "ends") reason = event.reason;
        for (const listener of this.#listeners) listener(event);
      });
    }
    // Whoever ended has said so by another way.
    child.stdin?.on("error", () => {});
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(`its namespaces could not be made: ${error.message}`));
      child.once("close", async (code, signal) =>
        resolve(reason ?? (await this.#lastWord(signal ?? `exit code ${code}`))),
      );
    });
  }

  /** Makes the trial's folder and starts its processes, which wait for their spec. */
  static async start(home: string, place: TrialPlace, shim: string): Promise<TrialProcess> {
    await mkdir(place.folder, { recursive: true, mode: 0o700 });
    await writeFile(place.ownerFile, JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) }));
    await mkdir(place.sockets, { recursive: true, mode: 0o700 });
    const spec = await SpecServer.listen(place);
    const log = await open(place.log, "a", 0o600);
    const program = fileURLToPath(new URL("./main.ts", import.meta.url));
    const child = spawn(
      "flock",
      [
        ...["--no-fork", "--nonblock", place.lock, "unshare"],
        ...["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"],
        ...[shim, "init", "--", process.execPath, program, home, place.id],
      ],
      // A session of its own: the terminal's Ctrl-C is for its owner, who then ends it.
      { detached: true, stdio: ["pipe", "pipe", log.fd], env: withoutOthersCredentials(process.env) },
    );
    await log.close();
    return new TrialProcess(place, child, spec);
  }

  /** Says what they are to run. */
  run(spec: TrialSpec): void {
    this.#spec.give(spec);
  }

  socketPath(index: number): string {
    return join(this.place.sockets, socketOf(index));
  }

  log(index: number, lines: number, bytes: number): Promise<string> {
    return readPodLog(join(this.place.pods, uidOf(index)), lines, bytes);
  }

  onEvent(listener: (event: TrialEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** Ends them, and deletes what they made. */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopWithinMs);
    await this.ended;
    clearTimeout(timer);
    this.#spec.close();
    await removeTrial(this.place);
  }

  async #lastWord(how: string): Promise<string> {
    const log = await readFile(this.place.log, "utf8").catch(() => "");
    return lastLine(log) ?? how;
  }
}

/** Deletes what trials left whose owner and processes are gone: those of a machine that was switched off. */
export async function sweepTrials(home: string): Promise<void> {
  for (const { place, since } of await knownTrials(home)) {
    if (await isAbandoned(place, since)) await removeTrial(place);
  }
}

async function isAbandoned(place: TrialPlace, since: number): Promise<boolean> {
  const owner = await readOwner(place);
  if (owner ? processIdentity(owner.pid) === owner.identity : Date.now() - since < beginsWithinMs) return false;
  // It may still be about to delete its folder itself.
  const { code } = await runCommand("flock", ["--nonblock", place.lock, "true"]);
  return code === 0;
}

async function readOwner(place: TrialPlace): Promise<{ pid: number; identity: string } | undefined> {
  try {
    return JSON.parse(await readFile(place.ownerFile, "utf8")) as { pid: number; identity: string };
  } catch {
    return undefined;
  }
}
