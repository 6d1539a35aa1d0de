import { spawn } from "node:child_process";
import { join } from "node:path";
import { menagerieCache } from "../src/adapters/files/cacheFolder.mjs";

/** One key press reaches us twice when npm is in between: from the terminal and from npm. In milliseconds. */
const sameSignalWithin = 300;

/**
 * Runs a program in our place: our terminal, our signals, and at its end its exit code. Its own session keeps the
 * terminal's Ctrl-C away from it, so each signal arrives once, from us; a second press is a second signal.
 *
 * @param {string} command
 * @param {readonly string[]} args
 */
export async function runForwarding(command, args) {
  // Every `up` starts the same programs in half a dozen processes: a third of their time was compiling.
  const env = { NODE_COMPILE_CACHE: join(menagerieCache(), "compiled"), ...process.env };
  const child = spawn(command, args, { stdio: "inherit", detached: true, env });
  /** @type {Map<NodeJS.Signals, number>} */
  const lastSeen = new Map();
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    const now = Date.now();
    if (signal !== "SIGWINCH" && now - (lastSeen.get(signal) ?? 0) < sameSignalWithin) return;
    lastSeen.set(signal, now);
    child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGWINCH", "SIGUSR2"];
  for (const signal of signals) process.on(signal, forward);
  const { code, signal } = await new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`could not start ${command}: ${error.message}`)));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  for (const name of signals) process.removeListener(name, forward);
  // Ends as the program did, so that shells and supervisors see the same.
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
}
