import type { Progress, ProgressTask } from "../domain/progress.ts";
import { engineCancels } from "./engineCancel.ts";
import { refuse } from "./refusals.ts";

/** Shortest time between two lines about one task, in milliseconds. */
const quiet = 5_000;

/**
 * Progress as lines on stdout, which the engine passes through (its own log is not connected inside the host). A detail that comes
 * too soon after a line is printed a little later, if it still holds then: long work has said what it waits for.
 */
export function hostProgress(print: (line: string) => void = (line) => console.log(line)): Progress {
  return {
    note: print,
    begin(name): ProgressTask {
      const started = Date.now();
      let printed = started;
      let due: NodeJS.Timeout | undefined;
      const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
      const end = (line: string): void => {
        clearTimeout(due);
        print(`${name}: ${line} (${seconds()})`);
      };
      return {
        update(detail) {
          clearTimeout(due);
          const tell = (): void => {
            printed = Date.now();
            print(`${name}: ${detail} (${seconds()})`);
          };
          const wait = printed + quiet - Date.now();
          if (wait <= 0) tell();
          else due = setTimeout(tell, wait).unref();
        },
        done: (detail) => end(detail ?? "done"),
        failed: (detail) => end(`failed${detail ? `: ${detail}` : ""}`),
      };
    },
  };
}

/**
 * Runs `work` with a signal that aborts when the engine cancels, as it does at the first Ctrl-C, and when the host is told to end, so
 * that child processes end with it.
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
  // What is in flight elsewhere in this host comes to its own end.
  const cancel = (): void => controller.abort(refuse("deploy.interrupted"));
  if (engineCancels.aborted) cancel();
  engineCancels.addEventListener("abort", cancel, { once: true });
  for (const each of ends) process.on(each, end);
  try {
    return await work(controller.signal);
  } finally {
    engineCancels.removeEventListener("abort", cancel);
    for (const each of ends) process.off(each, end);
  }
}
