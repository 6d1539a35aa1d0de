import type { Progress, ProgressTask } from "../domain/progress.ts";

/** Shortest time between two lines about one task, in milliseconds. */
const quiet = 5_000;

/** Progress as lines on stdout, which the engine passes through (its own log is not connected inside the host). */
export function hostProgress(print: (line: string) => void = (line) => console.log(line)): Progress {
  return {
    note: print,
    begin(name): ProgressTask {
      const started = Date.now();
      let printed = started;
      const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
      return {
        update(detail) {
          if (Date.now() - printed < quiet) return;
          printed = Date.now();
          print(`${name}: ${detail} (${seconds()})`);
        },
        done: (detail) => print(`${name}: ${detail ?? "done"} (${seconds()})`),
        failed: (detail) => print(`${name}: failed${detail ? `: ${detail}` : ""} (${seconds()})`),
      };
    },
  };
}

/**
 * Runs `work` with a signal that aborts when the host is told to end, so that child processes end with it: the host's
 * own `cancel` does nothing.
 *
 * @param graceMs - how long `work` may take to end what it began elsewhere.
 */
export async function untilTerminated<T>(work: (signal: AbortSignal) => Promise<T>, graceMs = 200): Promise<T> {
  const controller = new AbortController();
  const ends = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
  const end = (name: NodeJS.Signals): void => {
    for (const each of ends) process.off(each, end);
    controller.abort(new Error(`stopped by ${name}`));
    // With our listener gone the signal has its usual effect; children were told first.
    setTimeout(() => process.kill(process.pid, name), graceMs).unref();
  };
  for (const each of ends) process.on(each, end);
  try {
    return await work(controller.signal);
  } finally {
    for (const each of ends) process.off(each, end);
  }
}
