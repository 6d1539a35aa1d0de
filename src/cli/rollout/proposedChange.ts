import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import {
  findPullRequest,
  openPullRequest,
  type PullRequest,
  repositoryOf,
} from "../../adapters/github/pullRequests.ts";
import { gitIn } from "./git.ts";

/** A change of a stack's file that others are to agree to. */
export interface ProposedChange {
  /** The stack's file, in a checkout. */
  readonly path: string;
  /** Name of the branch, of this change alone: what it held before is replaced. */
  readonly branch: string;
  /** Whether a pull request of the branch that was merged or closed is an answer, too. @default only an open one is */
  readonly isOnce?: boolean | undefined;
  readonly title: string;
  readonly body: string;
  /** The file's text with the change, from that of the upstream's branch; undefined where that needs none. */
  readonly edit: (text: string) => string | undefined;
}

/** What came of it: opened now, there before (open, merged or closed by somebody), or not needed. */
export type Proposed =
  | { readonly kind: "opened" | "known"; readonly pullRequest: PullRequest }
  | { readonly kind: "not needed" };

/**
 * Opens a pull request with the change, on top of what the upstream has; the checkout stays as it is. Killed at any point, the same again
 * goes on.
 */
export async function proposeChange({ path, branch, isOnce, title, body, edit }: ProposedChange): Promise<Proposed> {
  const folder = dirname(path);
  const git = gitIn(folder);
  await git("fetch", "--quiet");
  const repository = await repositoryOf(await git("remote", "get-url", "origin"));
  const known = await findPullRequest(repository, branch);
  if (known && (isOnce || known.state === "open")) return { kind: "known", pullRequest: known };
  const base = (await git("rev-parse", "--abbrev-ref", "@{upstream}")).replace(/^origin\//, "");
  if (!(await pushed())) return { kind: "not needed" };
  return { kind: "opened", pullRequest: await openPullRequest(repository, { head: branch, base, title, body }) };

  async function pushed(): Promise<boolean> {
    const tree = join(await mkdtemp(join(tmpdir(), "menagerie-proposed-")), "tree");
    try {
      await git("worktree", "add", "--quiet", "--detach", tree, "@{upstream}");
      const file = join(tree, relative(await git("rev-parse", "--show-toplevel"), path));
      const text = edit(await readFile(file, "utf8"));
      if (text === undefined) return false;
      await writeFile(file, text);
      const inTree = gitIn(tree);
      await inTree("commit", "--quiet", "-m", title, "-m", body, "--", file);
      await inTree("push", "--quiet", "--force", "origin", `HEAD:refs/heads/${branch}`);
      return true;
    } finally {
      await git("worktree", "remove", "--force", tree).catch(() => {});
      await rm(dirname(tree), { recursive: true, force: true });
    }
  }
}
