import { writeFile } from "node:fs/promises";

/**
 * Keeps what is in memory, and the environment, out of what a crash leaves: core dumps have no memory in them (core(5), `coredump_filter`;
 * where the kernel lets a process say so), and Node's reports no variables.
 */
export async function keepOutOfDumps(): Promise<void> {
  if (process.report) process.report.excludeEnv = true;
  await writeFile("/proc/self/coredump_filter", "0").catch(() => {});
}

/** Where an error was thrown, without its message. */
export function placesOf(error: Error): string[] {
  return (error.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
}
