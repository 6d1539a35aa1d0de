import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { addresses, hardwareAddress } from "../network/addresses.ts";
import { isAlive, mustRun, type ProcessRef, processRef, runCommand, signalProcess } from "./processes.ts";

/** Name of a pod's end on the bridge: 15 characters are the kernel's limit. */
export function interfaceName(uid: string): string {
  return `veth${createHash("sha256").update(uid).digest("hex").slice(0, 10)}`;
}

/**
 * Makes a pod's network, host name and IPC namespaces, held open by a pause process that outlives the node, and
 * connects them to the bridge. Answers the pause process.
 */
export async function createSandbox(
  shim: string,
  pod: { readonly uid: string; readonly hostname: string; readonly address: string },
): Promise<ProcessRef> {
  const pause = await startPause(shim, pod.hostname);
  try {
    const outer = interfaceName(pod.uid);
    await mustRun(
      "ip",
      ["-batch", "-"],
      [
        `link add ${outer} type veth peer name eth0 address ${hardwareAddress(pod.address)} netns ${pause.pid}`,
        `link set ${outer} master ${addresses.bridge} up`,
      ].join("\n"),
    );
    await mustRun(
      "nsenter",
      [`--net=/proc/${pause.pid}/ns/net`, "ip", "-batch", "-"],
      [
        "link set lo up",
        `addr add ${pod.address}/${addresses.podPrefixLength} dev eth0`,
        "link set eth0 up",
        `route add default via ${addresses.host}`,
      ].join("\n"),
    );
    return pause;
  } catch (error) {
    await removeSandbox(pause, pod.uid);
    throw error;
  }
}

/** Ends the pause process; the kernel takes the namespaces and both ends of the veth pair with it. */
export async function removeSandbox(pause: ProcessRef | undefined, uid: string): Promise<void> {
  if (pause) {
    await signalProcess(pause, "SIGKILL");
    for (let i = 0; i < 50 && (await isAlive(pause)); i += 1) await new Promise((done) => setTimeout(done, 10));
  }
  // The kernel removes the pair in the background; a pod that is set up again at once needs the name. Usually gone.
  await runCommand("ip", ["link", "del", interfaceName(uid)]);
}

async function startPause(shim: string, hostname: string): Promise<ProcessRef> {
  const child = spawn("unshare", ["--net", "--uts", "--ipc", "--", shim, "pause", "--hostname", hostname], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH },
  });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`pod sandbox ended with ${code}: ${complaint.trim()}`)));
  });
  child.removeAllListeners("exit");
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
  const ref = child.pid === undefined ? undefined : await processRef(child.pid);
  if (!ref) throw new Error("pod sandbox ended at once");
  return ref;
}
