import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../domain/errors.ts";
import { lastLine } from "../../domain/lastLine.ts";
import { refusal } from "../refusals.ts";
import { findOnPath } from "../toolchain/present.ts";
import type { Check, Finding, Machine, PackageKey } from "./check.ts";

const commands: readonly { readonly command: string; readonly package: PackageKey }[] = [
  { command: "unshare", package: "util-linux" },
  { command: "nsenter", package: "util-linux" },
  { command: "setpriv", package: "util-linux" },
  { command: "flock", package: "util-linux" },
  { command: "mount", package: "util-linux" },
  { command: "umount", package: "util-linux" },
  { command: "ip", package: "iproute2" },
  { command: "bwrap", package: "bubblewrap" },
];

export const programs: Check = {
  name: "programs",
  check: async ({ env }) => {
    const missing = [];
    for (const needed of commands) if (!(await findOnPath(needed.command, env))) missing.push(needed);
    if (missing.length === 0) return undefined;
    const packages = [...new Set(missing.map((needed) => needed.package))];
    const programs = missing.map((needed) => needed.command).join(", ");
    return { lack: refusal("machine.no-programs", null, { programs }), packages };
  },
};

/** All namespaces that the cluster is put into, and a bridge in them. */
export const namespaces: Check = {
  name: "namespaces",
  check: async (machine) => {
    if (!(await findOnPath("unshare", machine.env))) return undefined;
    const all = await machine.run(["unshare", "-Urnmpf", "--kill-child", "--mount-proc", "true"]);
    if (all.code !== 0) return whyNoNamespaces(machine, all.output);
    if (!(await findOnPath("ip", machine.env))) return undefined;
    const bridge = await machine.run(["unshare", "-Urnm", "ip", "link", "add", "br0", "type", "bridge"]);
    if (bridge.code === 0) return undefined;
    return {
      lack: refusal("machine.no-bridge", null, { said: lastLine(bridge.output) ?? "no output" }),
      command: ["modprobe", "--all", "bridge", "veth"],
    };
  },
};

/** Containers see their image copy-on-write, which is an overlay mounted in the user namespace. */
export const overlay: Check = {
  name: "overlayfs",
  check: async (machine) => {
    const works = await machine.run(["unshare", "-Urm", "true"]);
    // Then `programs` or `namespaces` says why.
    if (works.code !== 0) return undefined;
    let folder: string;
    try {
      await mkdir(machine.home, { recursive: true });
      folder = await mkdtemp(join(machine.home, ".preflight-"));
    } catch (error) {
      return { lack: refusal("machine.home-not-writable", null, { home: machine.home, reason: messageOf(error) }) };
    }
    try {
      for (const part of ["lower", "upper", "work", "merged"]) await mkdir(join(folder, part));
      const at = (part: string) => join(folder, part).replace(/[\\:,]/g, "\\$&");
      const options = `userxattr,lowerdir=${at("lower")},upperdir=${at("upper")},workdir=${at("work")}`;
      const mounted = await machine.run([
        "unshare",
        "-Urm",
        "mount",
        "-t",
        "overlay",
        "overlay",
        "-o",
        options,
        join(folder, "merged"),
      ]);
      if (mounted.code === 0) return undefined;
      const said = lastLine(mounted.output) ?? "no output";
      return { lack: refusal("machine.no-overlay", null, { home: machine.home, said }) };
    } finally {
      // overlayfs leaves a folder without permissions behind, which stops an ordinary user's rm.
      await chmod(join(folder, "work", "work"), 0o700).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** The switches by which distributions forbid them, in the order in which they matter. */
async function whyNoNamespaces(machine: Machine, output: string): Promise<Finding> {
  const sysctl = async (key: string) => (await machine.read(`/proc/sys/${key.replaceAll(".", "/")}`))?.trim();
  const forbidden = async (key: string, bad: string, good: string, who: string): Promise<Finding | undefined> =>
    (await sysctl(key)) === bad
      ? {
          lack: refusal("machine.user-namespaces-forbidden", null, { who, key, bad, good }),
          command: ["sysctl", "-w", `${key}=${good}`],
        }
      : undefined;
  return (
    (await forbidden("user.max_user_namespaces", "0", "15000", "this machine")) ??
    (await forbidden("kernel.unprivileged_userns_clone", "0", "1", "this kernel")) ??
    (await forbidden("kernel.apparmor_restrict_unprivileged_userns", "1", "0", "AppArmor")) ?? {
      lack: refusal("machine.no-namespaces", null, { said: lastLine(output) ?? "no output" }),
    }
  );
}
