import { stackType } from "../engineState.ts";
import { changesNothing, type Preview, type PreviewStep, partsOfUrn } from "./preview.ts";

const entryType = "menagerie:zoo:ModelZooEntry";

/** Components that are made from what all entries say together: the settings, the release record, and where a release's pods find models. */
const following: ReadonlySet<string> = new Set([
  "menagerie:zoo:DynamicSettings",
  "menagerie:release:ReleaseRecord",
  "menagerie:release:ReleaseEnvironment",
  "menagerie:release:SharedEnvironment",
]);

/** Steps of a preview that change something, and that an edit of one zoo model's entry does not explain. */
export function stepsBesideEntry(model: string, { steps }: Pick<Preview, "steps">): PreviewStep[] {
  const byUrn = new Map(steps.map((step) => [step.urn, step]));
  const isExplained = (urn: string): boolean => {
    const { type, name } = partsOfUrn(urn);
    if (type === entryType) return name === model;
    if (following.has(type)) return true;
    const parent = byUrn.get(urn)?.parent;
    return parent !== undefined && isExplained(parent);
  };
  // Of the stack itself, only outputs change.
  return steps.filter(
    (step) => !changesNothing({ steps: [step] }) && step.type !== stackType && !isExplained(step.urn),
  );
}
