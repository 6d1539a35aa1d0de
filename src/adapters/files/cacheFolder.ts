import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Folder of tools and Python environments, shared by all environments of a user: `MENAGERIE_CACHE`, else below `XDG_CACHE_HOME`. */
export function menagerieCache(env: NodeJS.ProcessEnv = process.env): string {
  if (env.MENAGERIE_CACHE) return resolve(env.MENAGERIE_CACHE);
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "menagerie");
}
