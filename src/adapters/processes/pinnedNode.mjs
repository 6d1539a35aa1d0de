// Plain JavaScript, as is all that bin/ imports: it runs on whatever Node.js started it, before anything is installed.
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Oldest major version that runs the TypeScript of this project as it is. */
const oldestMajor = 24;

/** Package of package-lock.json that is the pinned Node.js of this machine's kind; not every kind has one. */
export const pinnedNodePackage = `node-${process.platform}-${process.arch}`;

/** Its folder of executables, relative to node_modules. Not `.bin`: npm 10 removes that link with the package of another kind. */
export const pinnedNodeFolder = join(pinnedNodePackage, "bin");

/**
 * The Node.js that runs the project: the pinned one; where the lock has none for this kind of machine, the one that runs
 * this, if it is new enough. Throws an Error with the sentence that helps when neither is there.
 *
 * @param {string} project folder of the checkout
 * @param {{ execPath: string, version: string, versions: { node: string } }} [running]
 */
export function nodeOf(project, running = process) {
  const pinned = join(project, "node_modules", pinnedNodeFolder, "node");
  if (existsSync(pinned)) return pinned;
  if (Number.parseInt(running.versions.node, 10) >= oldestMajor) return running.execPath;
  throw new Error(
    `the lock pins no Node.js for ${process.platform} on ${process.arch}, and this one is ${running.version}: ` +
      `install Node.js ${oldestMajor} and run this again`,
  );
}
