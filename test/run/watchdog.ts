/**
 * Ends what a run of the tests leaves behind, however the run ends: `node watchdog.ts <the run's folder> <pid>:<identity>…`.
 * An environment's keeper, a PostgreSQL or a model server is in nobody's way to find out that its test was killed with
 * SIGKILL; this process outlives the runner, sees its end, and ends them all. It waits until its standard input ends, or one of the
 * processes named is gone: the runner, and npm, which starts it.
 */
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { processIdentity } from "../../src/adapters/processes/identity.mjs";
import { endProcessesOf } from "./marked.ts";

const lookMs = 500;
const [folder = "", ...owners] = process.argv.slice(2);

const asked = new Promise<void>((resolve) =>
  process.stdin
    .once("end", resolve)
    .once("error", () => resolve())
    .resume(),
);
const gone = (async () => {
  const lives = (owner: string): boolean => {
    const [pid = "", ...identity] = owner.split(":");
    return processIdentity(Number(pid)) === identity.join(":");
  };
  while (owners.every(lives)) await delay(lookMs);
})();

await Promise.race([asked, gone]);
const left = await endProcessesOf(folder);
await rm(folder, { recursive: true, force: true }).catch(() => {});
// Nobody may be left to read this.
process.stdout.on("error", () => {}).write(`${JSON.stringify([...left.values()])}\n`);
process.exit(0);
