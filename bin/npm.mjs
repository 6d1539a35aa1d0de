import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/**
 * Runs npm in `project` with its output in the file `log`. Throws an Error with one sentence and npm's last lines when
 * it fails.
 *
 * @param {string} project
 * @param {string} log
 * @param {readonly [string, ...string[]]} args
 */
export async function npm(project, log, args) {
  let interrupted = false;
  const stop = () => {
    interrupted = true;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
    } catch {
      // It has just ended.
    }
  };
  // Before npm is there: a signal that ended us alone would leave it at work.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, stop);
  const output = openSync(log, "a");
  // A group of its own, so that Ctrl-C ends npm through us, with whatever it has started.
  const child = spawn("npm", args, {
    cwd: project,
    stdio: ["ignore", output, output],
    env: cleanEnvironment(),
    detached: true,
  });
  closeSync(output);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once("error", (error) => reject(new Error(startSentence(error))));
      child.once("exit", (exitCode) => resolve(exitCode ?? 1));
    });
    if (interrupted) throw new Error("interrupted; the next start installs again");
    if (code !== 0) throw new Error(explain(args[0], log));
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeListener(signal, stop);
  }
}

/** @param {NodeJS.ErrnoException} error */
function startSentence(error) {
  return error.code === "ENOENT" ? "npm is not on the PATH: install Node.js with npm" : error.message;
}

/** Without what an outer `npm run` or `npx` exports about itself, such as a prefix or `ignore-scripts`. */
function cleanEnvironment() {
  const inherited =
    /^npm_(package_|lifecycle_|command$|execpath$|config_(local_prefix|prefix|global|ignore_scripts|omit|workspace))/;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !inherited.test(name) && name !== "NODE_ENV"),
  );
}

/**
 * @param {string} command
 * @param {string} log
 */
function explain(command, log) {
  const text = readFileSync(log, "utf8");
  if (/ENOSPC|no space left/i.test(text)) return "npm ran out of disk space: free about 1 GB and run this again";
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network request/.test(text)) {
    return `npm could not reach its registry: connect this machine to one (npm config get registry), then run this again (log: ${log})`;
  }
  const lines = text.split("\n").filter((line) => /^npm (error|ERR!) \S/.test(line) && !/complete log/.test(line));
  const last = (lines.length > 0 ? lines : text.trim().split("\n")).slice(0, 6).join("\n  ");
  return `npm ${command} failed:\n  ${last}\n  (log: ${log})`;
}
