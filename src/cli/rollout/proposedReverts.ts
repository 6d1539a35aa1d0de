import { editStackText } from "../../config/editStackFile.ts";
import { ownConfig } from "../../config/ownConfig.ts";
import { isMapping } from "../../domain/mapping.ts";
import { configEdits, type StackConfig } from "../../domain/release/restore.ts";
import type { EntryEdit } from "../../domain/zoo/advance.ts";
import { underWay } from "../../domain/zoo/phases.ts";
import { describeTakeBack, type TakenBack } from "../../domain/zoo/takeBack.ts";
import { editedConfig } from "./advance.ts";
import { type Proposed, proposeChange } from "./proposedChange.ts";

/** What became of one take-back. */
export type ProposedRevert = Proposed & { readonly model: string; readonly takeBack: string };

/**
 * Opens a pull request for each rollout that was taken back while the stack's file has it under way: `phase: reverted`, so that git says
 * again what runs. One for each take-back, whatever becomes of it.
 *
 * @param path - the stack's file, in a checkout
 */
export async function proposeReverts(
  path: string,
  stack: string,
  takenBack: readonly TakenBack[],
): Promise<readonly ProposedRevert[]> {
  const proposed: ProposedRevert[] = [];
  for (const taken of takenBack) {
    if (taken.action !== "revert") continue;
    const { id, model } = taken;
    const change = await proposeChange({
      path,
      branch: `take-back/${stack}-${model}-${id}`,
      isOnce: true,
      title: `${model} on ${stack}: phase: reverted, for it was taken back`,
      body: bodyOf(taken),
      edit(text) {
        const config = ownConfig(text, "the stack's file");
        const edits = revertOf(config, taken);
        return edits && editStackText(text, configEdits(config, editedConfig(config, model, edits, "to")));
      },
    });
    proposed.push({ ...change, model, takeBack: id });
  }
  return proposed;
}

/** Undefined where the file has another rollout, or says so already. */
function revertOf({ zoo }: StackConfig, { model, from }: TakenBack): readonly EntryEdit[] | undefined {
  const entry = isMapping(zoo) ? zoo[model] : undefined;
  if (!isMapping(entry) || String(entry.from) !== from) return undefined;
  const phase = underWay.find((each) => each === entry.phase);
  return phase && [{ key: "phase", from: phase, to: "reverted" }];
}

function bodyOf(taken: TakenBack): string {
  const { model, cause } = taken;
  // A text of today says the hour alone, and a pull request is read for days.
  const state = describeTakeBack(taken, new Date(0));
  return `The guard has done this already: ${model} was ${state} UTC, by verdict ${cause}. This makes the file say so.

After a false alarm, close this and run \`menagerie rollout resume ${model} --because TEXT\`.`;
}
