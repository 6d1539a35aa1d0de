import { dirname } from "node:path";
import { editStackText } from "../../config/editStackFile.ts";
import { configEdits } from "../../domain/release/restore.ts";
import { describeEntryEdits, type EntryEdit } from "../../domain/zoo/advance.ts";
import { refuseAdvance } from "../../domain/zoo/advanceRefusals.ts";
import type { StackFile } from "../releases/stackFile.ts";
import { editedConfig } from "./advance.ts";
import { gitIn, reasonOf } from "./git.ts";
import { proposeChange } from "./proposedChange.ts";

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

/** Opens a pull request with the step; the checkout stays as it is. Answers its address, also of one that is there already. */
export async function proposeStep(file: StackFile, step: CommittedStep): Promise<string> {
  const { model, stack, edits } = step;
  try {
    const proposed = await proposeChange({
      path: file.path,
      branch: `advance/${stack}-${model}-${edits.map(({ key, to }) => `${key}-${to}`).join("-")}`,
      title: title(step),
      body: body(step),
      edit: (text) => editStackText(text, configEdits(file.config, editedConfig(file.config, model, edits, "to"))),
    });
    if (proposed.kind === "not needed") throw new Error("the file says so already");
    return proposed.pullRequest.url;
  } catch (error) {
    const what = reasonOf(error);
    throw refuseAdvance("advance.not-proposed", { what, edits: describeEntryEdits(edits), file: file.path }, error);
  }
}
