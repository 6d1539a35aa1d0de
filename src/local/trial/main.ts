/**
 * The inner process of one trial, inside its namespaces: `node trial/main.ts <home> <id>`. It runs the pods that its spec names, as a
 * node of a cluster does, and says on standard output how they stand. It ends when it gets SIGTERM, which PID 1 sends when the
 * owner's end of its pipe is closed, however that came about; at its deadline; and when it failed. It deletes the trial's
 * folder then.
 */
import { existsSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../domain/errors.ts";
import { containerPort } from "../../domain/serving/servedModel.ts";
import { addresses, ports } from "../network/addresses.ts";
import { setUpBridge } from "../network/bridge.ts";
import { relayTcpToUnix, relayUnixToTcp } from "../network/relay.ts";
import { mustRun, runCommand } from "../node/processes.ts";
import { egressSocket, trialPlace } from "./place.ts";
import { TrialPods } from "./pods.ts";
import { removeTrial } from "./remove.ts";
import { type TrialEvent, takeSpec } from "./spec.ts";

/** Longer times overflow, in milliseconds. */
const longestTimer = 2 ** 31 - 1;

const [home = "", id = ""] = process.argv.slice(2);
const place = trialPlace(home, id);
const stopped = new AbortController();
let pods: TrialPods | undefined;
let database: { stop(): Promise<void> } | undefined;
let ending: Promise<never> | undefined;

// Whoever listened may be gone.
process.stdout.on("error", () => {});
process.on("SIGTERM", () => void end(undefined));
process.on("SIGINT", () => void end(undefined));

try {
  // PID 1 starts it again when it was killed: by then nobody knows how its pods stood.
  if (existsSync(place.begunFile)) await end("its own process was killed");
  await writeFile(place.begunFile, "");
  await setUpBridge();
  const spec = await takeSpec(place, stopped.signal);
  const left = Math.min(Math.max(0, spec.deadline - Date.now()), longestTimer);
  setTimeout(() => void end("its time is over"), left).unref();
  await memoryForVolumes(spec.pods.map(({ pod }) => pod.metadata?.uid ?? ""));
  if (spec.egress) {
    await relayTcpToUnix({ host: addresses.host, port: ports.egress, socketPath: egressSocket(place) });
  }
  if (spec.state) {
    // Only trials with a state load what PostgreSQL needs.
    const { TrialDatabase } = await import("./database.ts");
    const told = (detail: string) => say({ kind: "state", detail, isDone: false });
    const made = new TrialDatabase(place, spec.state);
    database = made;
    await made.start(told, stopped.signal);
    say({ kind: "state", detail: "", isDone: true });
  }
  for (const { address, socket } of spec.pods) {
    await relayUnixToTcp({ socketPath: join(place.sockets, socket), host: address, port: containerPort });
  }
  pods = new TrialPods(place, spec, say);
} catch (error) {
  if (!stopped.signal.aborted) await end(messageOf(error));
}

/** Volumes hold secrets, and are in memory alone, as a kubelet has them. They go with the namespace. */
async function memoryForVolumes(uids: readonly string[]): Promise<void> {
  await mkdir(place.memory, { mode: 0o700 });
  await mustRun("mount", ["-t", "tmpfs", "-o", "size=256m,mode=0700", "tmpfs", place.memory]);
  for (const uid of uids) {
    await mkdir(join(place.pods, uid), { recursive: true, mode: 0o700 });
    await mkdir(join(place.memory, uid));
    await symlink(join(place.memory, uid), join(place.pods, uid, "volumes"));
  }
}

function say(event: TrialEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/** @param reason - undefined where the owner ends it */
function end(reason: string | undefined): Promise<never> {
  ending ??= (async () => {
    if (reason !== undefined) say({ kind: "ends", reason });
    stopped.abort();
    await pods?.end();
    await database?.stop();
    await runCommand("umount", ["--lazy", place.memory]);
    await removeTrial(place);
    // PID 1 ends with it, and the kernel whatever is left.
    process.exit(0);
  })();
  return ending;
}
