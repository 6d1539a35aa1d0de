import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { saidByGit } from "./saidByGit.ts";

const run = promisify(execFile);
/** A large repository on a slow disk; in milliseconds. */
const patience = 300_000;

/** A checkout of a repository. */
export interface Checkout {
  /** Its topmost folder. */
  readonly top: string;
  /** From there to the project: empty, or with a slash at its end. */
  readonly prefix: string;
}

/** The repository that a folder is in; undefined outside of one, or without git. */
export async function checkoutOf(folder: string): Promise<Checkout | undefined> {
  const top = await asked(folder, "rev-parse", "--show-toplevel");
  const prefix = await asked(folder, "rev-parse", "--show-prefix");
  return top === undefined || prefix === undefined ? undefined : { top, prefix };
}

/** The commit that a revision names; undefined where the repository does not have it. */
export function commitNamed({ top }: Checkout, revision: string): Promise<string | undefined> {
  return asked(top, "rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`);
}

/** The commit at which `revision` left the default branch of `origin`, else `main` or `master`; undefined where it has none of these. */
export async function baseOf(checkout: Checkout, revision: string): Promise<string | undefined> {
  for (const branch of ["origin/HEAD", "origin/main", "origin/master", "main", "master"]) {
    if ((await commitNamed(checkout, branch)) === undefined) continue;
    return asked(checkout.top, "merge-base", branch, revision);
  }
  return undefined;
}

/**
 * Writes the files of a commit's project below `folder`, as a checkout would, and answers the project's folder. Neither the checkout nor its
 * index is touched, and nothing of it is left in the repository.
 */
export async function exportCommit({ top, prefix }: Checkout, commit: string, folder: string): Promise<string> {
  const env = { ...process.env, GIT_INDEX_FILE: join(folder, ".index") };
  const git = (...args: string[]) => run("git", args, { cwd: top, env, timeout: patience, maxBuffer: 2 ** 26 });
  const tree = prefix === "" ? commit : `${commit}:${prefix.replace(/\/$/, "")}`;
  await git("read-tree", tree);
  await git("checkout-index", "--all", `--prefix=${join(folder, "project")}/`);
  return join(folder, "project");
}

const asked = (folder: string, ...args: string[]) => saidByGit(folder, args, patience);
