import { connect } from "node:net";

/** How often the engine is looked for, in milliseconds. */
const everyMs = 2_000;

/**
 * Calls `ended` once the engine that this process works for is gone: an engine that is killed leaves its plugins running. Its
 * address is the host's argument, and nothing is watched in a process without one. An engine may be gone before it is first
 * looked for.
 */
export function whenEngineEnds(ended: () => void, argv: readonly string[] = process.argv): void {
  const address = argv.findLast((argument) => /^[^\s:]+:\d+$/.test(argument));
  if (address === undefined) return;
  const timer = setInterval(async () => {
    if (await accepts(address)) return;
    clearInterval(timer);
    ended();
  }, everyMs);
  timer.unref();
}

function accepts(address: string): Promise<boolean> {
  const at = address.lastIndexOf(":");
  return new Promise((resolve) => {
    const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), timeout: everyMs });
    const answer = (listens: boolean): void => {
      socket.destroy();
      resolve(listens);
    };
    socket.once("connect", () => answer(true));
    // Busy is not gone.
    socket.once("timeout", () => answer(true));
    socket.once("error", (error: NodeJS.ErrnoException) => answer(error.code !== "ECONNREFUSED"));
    socket.unref();
  });
}
