// Plain JavaScript, as is all that bin/ imports: it runs on whatever Node.js started it, before anything is installed.
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/**
 * Folder of tools and Python environments, shared by all environments of a user: `MENAGERIE_CACHE`, else below
 * `XDG_CACHE_HOME`.
 *
 * @param {NodeJS.ProcessEnv} [env]
 */
export function menagerieCache(env = process.env) {
  if (env.MENAGERIE_CACHE) return resolve(env.MENAGERIE_CACHE);
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "menagerie");
}
