import { createInterface } from "node:readline/promises";
import { stackType } from "../../domain/engineState.ts";
import { agreementTo, isAgreedTo } from "../../domain/preview/agreement.ts";
import { changesNothing, type Preview } from "../../domain/preview/preview.ts";
import {
  type DeclaredModels,
  describeRemoval,
  keptModels,
  type Removal,
  removals,
  unagreed,
} from "../../domain/preview/removals.ts";
import { Interrupted } from "../interrupt.ts";
import { type EngineOperation, plainUp } from "./engineOperation.ts";
import { type PreviewRequest, previewOf, previewOfWhatIsThere } from "./previewedStack.ts";
import { refuse } from "./refusals.ts";
import type { StackEngine } from "./stackEngine.ts";
import type { StackObjects } from "./stackObjects.ts";

export interface Agreement extends StackObjects {
  /** @default those whose components the preview keeps: a program that reads no config declares by its code */
  readonly declared?: DeclaredModels | undefined;
  /** Names of what may be deleted. */
  readonly yesDelete: readonly string[];
  /** What was agreed to before, as `agreementTo` has it. */
  readonly agreed?: string | undefined;
  /**
   * Throws where the run would do more than was agreed to.
   * @default it may create and update whatever the stack declares
   */
  readonly onlyThis?: ((preview: Preview) => void) | undefined;
  /** Whether a person at the terminal may be asked. @default whether standard input is one */
  readonly mayAsk?: boolean | undefined;
  readonly signal: AbortSignal;
}

/**
 * Runs the engine so that nothing which serves or stores is deleted or replaced without a yes: that of the edit which names it, of
 * a person at the terminal, of `--yes-delete`, or of a list that was agreed to before. What the cluster has lost is made again.
 * Answers the engine's exit code; throws with exit code 3, and nothing done, where a yes is missing.
 */
export async function agreedUp(
  engine: StackEngine,
  agreement: Agreement,
  operation: EngineOperation = plainUp,
): Promise<number> {
  const { signal } = agreement;
  const resources = await engine.resources(signal);
  // Nothing can be deleted.
  if (resources.length === 0 && !agreement.onlyThis) return engine.run(operation.run);
  const request: PreviewRequest = { ...agreement, args: operation.preview, resources };
  const preview = await (operation.deletesAll ? previewOf(engine, request) : previewOfWhatIsThere(engine, request));
  agreement.onlyThis?.(preview);
  const listed = (of: Preview): Removal[] => {
    const found = removals(of, agreement.declared ?? keptModels(of), operation.named);
    return operation.deletesAll ? found.map((each) => ({ ...each, asked: operation.deletesAll === "asked" })) : found;
  };
  const list = listed(preview);
  for (const { message, severity } of preview.diagnostics)
    if (severity === "warning") console.error(`warning: ${message.trim()}`);
  for (const removal of list) console.error(`  ${describeRemoval(removal)}`);
  // A run that was killed may have made what replaces a resource, and not deleted the one before.
  const isHalfReplaced = resources.some((each) => each.delete);
  if (operation.endsUnchanged && changesNothing(preview) && !isHalfReplaced) {
    const unchanged = preview.steps.filter(({ type }) => type !== stackType);
    console.log(`Resources:\n    ${unchanged.length} unchanged`);
    return 0;
  }
  await agree(list, agreement, async () => listed(await previewOf(engine, request)));
  // What is protected is in the list, whatever it is, and goes by the yes to that alone.
  const agreed = takesProtected(preview) ? ["--ignore-protect"] : [];
  const answered = list.some(({ asked }) => asked) && !operation.run.includes("--yes") ? ["--yes"] : [];
  return engine.run([...operation.run, ...agreed, ...answered]);
}

async function agree(
  list: readonly Removal[],
  { yesDelete, agreed, signal, mayAsk = process.stdin.isTTY }: Agreement,
  readAgain: () => Promise<readonly Removal[]>,
): Promise<void> {
  const { asked, unknown } = unagreed(list, yesDelete);
  if (unknown.length > 0) {
    const names = [...new Set(list.map(({ name }) => name))].join(", ");
    throw refuse("agree.unknown-name", { unknown: unknown.join(" "), names: names || "nothing" });
  }
  if (asked.length === 0) return;
  const now = agreementTo(list);
  if (agreed !== undefined) {
    // The list is what was previewed a moment ago; what was agreed to may be of last week.
    if (asked.every((each) => isAgreedTo(each, agreed))) return;
    throw refuse("agree.list-grew", { agreed, now });
  }
  if (!mayAsk) {
    const names = [...new Set(asked.map(({ name }) => name))].join(" ");
    throw refuse("agree.nobody-to-ask", { names, now });
  }
  if (!(await saysYes(signal))) throw refuse("agree.said-no");
  // Time has passed: what is about to run may be another thing than what was read.
  const later = await readAgain();
  if (later.every((each) => !each.asked || isAgreedTo(each, now))) return;
  for (const removal of later) console.error(`  ${describeRemoval(removal)}`);
  throw refuse("agree.changed-meanwhile");
}

function takesProtected({ steps }: Preview): boolean {
  return steps.some(({ op, before }) => (op === "delete" || op === "replace") && before?.protect);
}

async function saysYes(signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question("Delete these? [y/N] ", { signal })).trim());
  } catch (error) {
    signal.throwIfAborted();
    // Ctrl-C or Ctrl-D.
    if (error instanceof Error && error.name === "AbortError") throw new Interrupted("\ninterrupted; nothing was done");
    throw error;
  } finally {
    terminal.close();
  }
}
