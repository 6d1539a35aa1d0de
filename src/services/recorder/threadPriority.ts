import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";

/** Of 19, the least. A busy machine gives such a thread a third of the time that it gives others. */
const niceness = 5;

/**
 * Lets the calling thread have what the others leave: on Linux every thread has a priority of its own. Elsewhere nothing changes.
 */
export function yieldToOtherThreads(): void {
  try {
    // A link to PID/task/TID.
    setPriority(Number(readlinkSync("/proc/thread-self").split("/").at(-1)), niceness);
  } catch {
    // The folder is missing, or may not be written to: the thread goes on as before.
  }
}
