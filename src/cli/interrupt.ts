/** Thrown where the user's Ctrl-C ends a command. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/**
 * Runs `work` with a signal that Ctrl-C and SIGTERM abort. The first one asks the work to stop where it can be taken up
 * again; a second one ends the process.
 * @param hint what the user does to go on, such as "run `npm run up` again to go on".
 */
export async function interruptible<T>(hint: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interrupted(`interrupted; ${hint}`));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  try {
    const result = await work(controller.signal);
    controller.signal.throwIfAborted();
    return result;
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error;
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    process.off("SIGHUP", onSignal);
  }
}
