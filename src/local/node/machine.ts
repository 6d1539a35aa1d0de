import { readFile } from "node:fs/promises";
import { arch, availableParallelism, release, totalmem } from "node:os";
import type { Machine } from "./nodeObject.ts";

/** What this machine is. */
export async function thisMachine(): Promise<Machine> {
  const read = async (path: string): Promise<string> => (await readFile(path, "utf8").catch(() => "")).trim();
  return {
    cores: availableParallelism(),
    memory: totalmem(),
    architecture: arch() === "x64" ? "amd64" : arch(),
    kernel: release(),
    bootId: await read("/proc/sys/kernel/random/boot_id"),
    machineId: (await read("/etc/machine-id")) || "unknown",
  };
}
