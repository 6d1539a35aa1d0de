/** Thrown where the user's Ctrl-C ends a command. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs `work` with a signal that Ctrl-C and SIGTERM abort. The first one asks the work to stop where it can be taken up
 * again; a second one ends the process.
 * @param hint what the user does to go on, such as "run `npm run up` again to go on".
 */
export async function interruptible<T>(hint: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return untilInterrupted(hint, async (signal) => {
    try {
      const result = await work(signal);
      signal.throwIfAborted();
      return result;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw error;
    }
  });
}

/** The same for work whose usual end is an interrupt: how it ends is its own to say. */
export async function untilInterrupted<T>(hint: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interrupted(`interrupted; ${hint}`));
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
