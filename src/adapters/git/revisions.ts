import { execFile } from "node:child_process";
import { readlink, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
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

/** The commit at which `revision` left the default branch of `origin`, else `main` or `master`; undefined in a repository without any of them. */
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
 *
 * @throws LinksOutside where a symbolic link of the commit leads out of the project: it would give whoever wrote the commit files of this
 *   machine to read, such as `/proc/self/environ`.
 */
export async function exportCommit({ top, prefix }: Checkout, commit: string, folder: string): Promise<string> {
  const env = { ...process.env, GIT_INDEX_FILE: join(folder, ".index") };
  const git = (...args: string[]) => run("git", args, { cwd: top, env, timeout: patience, maxBuffer: 2 ** 26 });
  const tree = prefix === "" ? commit : `${commit}:${prefix.replace(/\/$/, "")}`;
  await git("read-tree", tree);
  const project = join(folder, "project");
  await git("checkout-index", "--all", `--prefix=${project}/`);
  const { stdout } = await git("ls-files", "--stage", "-z");
  const links = stdout.split("\0").flatMap((entry) => /^120000 \S+ \d\t(.*)$/s.exec(entry)?.[1] ?? []);
  const outside: string[] = [];
  const inside = links.length > 0 ? await realpath(project) : project;
  for (const link of links) if (await leadsOut(inside, join(inside, link))) outside.push(link);
  if (outside.length > 0) throw new LinksOutside(outside);
  return project;
}

/** Symbolic links of a commit that lead out of its project. */
export class LinksOutside extends Error {
  override readonly name = "LinksOutside";
  /** Paths in the project. */
  readonly links: readonly string[];

  constructor(links: readonly string[]) {
    super(`symbolic links lead out of the project: ${links.join(", ")}`);
    this.links = links;
  }
}

/** Whether a link leads out of a folder, or would if what it names came to be. @param folder - without links in its own path */
async function leadsOut(folder: string, link: string): Promise<boolean> {
  const named = resolve(dirname(link), await readlink(link));
  const led = await realpath(link).catch(() => named);
  return [named, led].some((path) => path !== folder && !path.startsWith(`${folder}/`));
}

const asked = (folder: string, ...args: string[]) => saidByGit(folder, args, patience);
