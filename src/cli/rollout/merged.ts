import { readFile, writeFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { lockAdvances, openAdvance } from "../../adapters/postgres/zoo/advances.ts";
import { ownConfig } from "../../config/ownConfig.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import { describeEntryEdits, nextStep } from "../../domain/zoo/advance.ts";
import { refuseAdvance } from "../../domain/zoo/advanceRefusals.ts";
import { isWayBack, type MergedStep, mergedStep } from "../../domain/zoo/mergedStep.ts";
import { type AdvancedStep, type AdvancePorts, type AdvanceRequest, deployStep, factsNow, runStep } from "./advance.ts";
import { gitIn } from "./git.ts";

/** A stack's file before and after a step was merged into it. */
export interface MergedFile {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly step: MergedStep;
}

/** The step of a rollout by which the stack's file differs from what it was at `since`; undefined where that is anything else, or nothing. */
export async function readMerged(path: string, since: string): Promise<MergedFile | undefined> {
  const git = gitIn(dirname(path));
  const name = relative(await git("rev-parse", "--show-toplevel"), path);
  const after = await readFile(path, "utf8");
  // Of a branch that is new, or a stack.
  const before = await git("show", `${since}:${name}`).catch(() => undefined);
  if (before === undefined) return undefined;
  const step = mergedStep(ownConfig(before, name), ownConfig(after, name));
  return step && { path, before: `${before}\n`, after, step };
}

/**
 * Deploys a step that somebody merged, as `advance` deploys its own: where it is the next one that the judge has said good to, or the way
 * back, and a preview of the file before it holds nothing. Killed at any point, the same again goes on. Undefined where it is deployed
 * already. The file is as it was merged in the end.
 * @throws OperatorError, with exit code 3 where something has to become true first
 */
export async function deployMerged(
  request: Pick<AdvanceRequest, "stack" | "signal">,
  ports: Omit<AdvancePorts, "before" | "after" | "propose">,
  { path, before, after, step }: MergedFile,
): Promise<AdvancedStep | undefined> {
  const { stack, signal } = request;
  const { client, run, look, readFile: readNow } = ports;
  const { model, edits } = step;
  await lockAdvances(client, stack);
  const open = await openAdvance(client, stack);
  const isOpen = open?.model === model && isDeepStrictEqual(open.edits, edits);
  if (open && !isOpen)
    throw refuseAdvance("advance.other-model", { other: open.model, edits: describeEntryEdits(open.edits) });
  if (open) return runStep(request, ports, open, path);
  if ((await run.pending(signal)).length === 0) return undefined;
  await writeFile(path, before);
  try {
    const facts = await factsNow(client, model, await readNow());
    look(facts);
    if (isWayBack(step)) return await deployStep({ ...request, model }, ports, edits, facts);
    const next = nextStep(facts);
    if (next.kind === "stop") throw refused(next.refusal);
    const wanted = next.kind === "arrived" ? [] : next.edits;
    const said = { model, edits: describeEntryEdits(edits) };
    if (!isDeepStrictEqual(wanted, edits))
      throw refuseAdvance("advance.not-the-step", { ...said, next: describeEntryEdits(wanted) });
    if (next.kind === "wait") throw refuseAdvance("advance.not-yet", { ...said, because: next.because.join("; ") });
    return await deployStep({ ...request, model }, ports, edits, facts);
  } finally {
    await writeFile(path, after);
  }
}
