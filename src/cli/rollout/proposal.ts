import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { editStackText } from "../../config/editStackFile.ts";
import { lastLine } from "../../domain/lastLine.ts";
import { configEdits } from "../../domain/release/restore.ts";
import { describeEntryEdits, type EntryEdit } from "../../domain/zoo/advance.ts";
import { refuseAdvance } from "../../domain/zoo/advanceRefusals.ts";
import type { StackFile } from "../releases/stackFile.ts";
import { editedConfig } from "./advance.ts";

const run = promisify(execFile);
/** A remote far away; in milliseconds. */
const patience = 60_000;

/** Trailer of commits whose content is deployed already: the workflow that deploys a branch leaves them alone. */
export const deployedTrailer = "Menagerie-Deployed";

/** One step of a rollout, as git is told of it. */
export interface CommittedStep {
  readonly model: string;
  readonly stack: string;
  readonly edits: readonly EntryEdit[];
  /** What the judge says, a line each. */
  readonly evidence: readonly string[];
}

function title({ model, stack, edits }: CommittedStep): string {
  return `${model} on ${stack}: ${describeEntryEdits(edits)}`;
}

function body({ evidence }: CommittedStep): string {
  return evidence.length === 0
    ? "By `menagerie rollout advance`."
    : `The judge says good:\n\n${evidence.map((line) => `- ${line}`).join("\n")}`;
}

/**
 * Throws unless the branch has what its upstream has, and no tracked file differs: a step that is committed must hold nothing else.
 *
 * @param folder - of the stack's file
 */
export async function requireCleanBranch(folder: string): Promise<void> {
  const not = (what: string) => refuseAdvance("advance.not-clean", { what });
  const git = gitIn(folder);
  await git("fetch", "--quiet").catch((error) => {
    throw not(`the upstream cannot be read (${reasonOf(error)})`);
  });
  const changes = await git("status", "--porcelain", "--untracked-files=no");
  if (changes !== "") throw not(`tracked files are changed: ${changes.split("\n").slice(0, 3).join(", ")}`);
  const [ahead, behind] = await Promise.all([
    git("rev-list", "--count", "@{upstream}..HEAD"),
    git("rev-list", "--count", "HEAD..@{upstream}"),
  ]).catch((error) => {
    throw not(`the branch has no upstream (${reasonOf(error)})`);
  });
  if (ahead !== "0" || behind !== "0")
    throw not(`the branch is ${ahead} commits ahead of its upstream and ${behind} behind`);
}

/** Commits the stack's file, which holds a step that is deployed, and pushes it. A step that is committed already is only pushed. */
export async function pushStep(path: string, step: CommittedStep): Promise<void> {
  const git = gitIn(dirname(path));
  try {
    if ((await git("status", "--porcelain", "--", path)) !== "") {
      await git(
        "commit",
        "--quiet",
        "-m",
        title(step),
        "-m",
        body(step),
        "-m",
        `${deployedTrailer}: ${step.stack}`,
        "--",
        path,
      );
    }
    for (let attempt = 1; ; attempt += 1) {
      const refusal = await git("push", "--quiet", "origin", "HEAD").then(() => undefined, reasonOf);
      if (refusal === undefined) return;
      if (attempt === 3) throw new Error(refusal);
      // Somebody has pushed meanwhile; the step is one line of one file.
      await git("pull", "--quiet", "--rebase");
    }
  } catch (error) {
    const { model, edits } = step;
    throw refuseAdvance(
      "advance.not-pushed",
      { model, edits: describeEntryEdits(edits), reason: reasonOf(error), file: path },
      error,
    );
  }
}

/** Opens a pull request with the step, on top of the upstream's branch; the checkout stays as it is. Answers its address, or its branch where one is open. */
export async function proposeStep(file: StackFile, step: CommittedStep): Promise<string> {
  const folder = dirname(file.path);
  const git = gitIn(folder);
  const { model, stack, edits } = step;
  const branch = `advance/${stack}-${model}-${edits.map(({ key, to }) => `${key}-${to}`).join("-")}`;
  const tree = join(await mkdtemp(join(tmpdir(), "menagerie-advance-")), "tree");
  try {
    await git("fetch", "--quiet");
    if ((await git("ls-remote", "--heads", "origin", branch)) !== "") return branch;
    const root = await git("rev-parse", "--show-toplevel");
    await git("worktree", "add", "--quiet", "--detach", tree, "@{upstream}");
    const path = join(tree, relative(root, file.path));
    const text = await readFile(path, "utf8");
    await writeFile(path, editStackText(text, configEdits(file.config, editedConfig(file.config, model, edits, "to"))));
    const inTree = gitIn(tree);
    await inTree("commit", "--quiet", "-m", title(step), "-m", body(step), "--", path);
    await inTree("push", "--quiet", "origin", `HEAD:refs/heads/${branch}`);
    const { stdout } = await run(
      "gh",
      ["pr", "create", "--head", branch, "--title", title(step), "--body", body(step)],
      {
        cwd: folder,
        timeout: patience,
      },
    );
    return stdout.trim() || branch;
  } catch (error) {
    const what = reasonOf(error);
    throw refuseAdvance("advance.not-proposed", { what, edits: describeEntryEdits(edits), file: file.path }, error);
  } finally {
    await git("worktree", "remove", "--force", tree).catch(() => {});
    await rm(dirname(tree), { recursive: true, force: true });
  }
}

function gitIn(folder: string): (...args: string[]) => Promise<string> {
  return async (...args) => {
    const { stdout } = await run("git", args, { cwd: folder, timeout: patience, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  };
}

function reasonOf(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message?: string };
  return lastLine(stderr ?? "") ?? lastLine(message ?? "") ?? String(error);
}
