import { saidByGit } from "./saidByGit.ts";

/** A repository on a slow disk; in milliseconds. */
const patience = 20_000;

/** Name of the last tag `v<major>.…` that the checkout's commit has in its history; undefined without one, or without git. */
export function lastVersionTag(folder: string): Promise<string | undefined> {
  return git(folder, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*.[0-9]*.[0-9]*", "--exclude", "*-*");
}

/** The checkout's commit, followed by `-dirty` where tracked files differ from it; undefined outside a git repository. */
export async function checkoutCommit(folder: string): Promise<string | undefined> {
  const commit = await git(folder, "rev-parse", "HEAD");
  if (commit === undefined) return undefined;
  const changes = await git(folder, "status", "--porcelain", "--untracked-files=no");
  return changes ? `${commit}-dirty` : commit;
}

const git = (folder: string, ...args: string[]) => saidByGit(folder, args, patience);
