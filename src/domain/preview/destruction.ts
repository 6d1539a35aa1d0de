import type { StateResource } from "../engineState.ts";
import { partsOfUrn } from "./preview.ts";
import { type DeclaredModels, type Removal, removals } from "./removals.ts";

/** What destroying a stack does. */
export interface Destruction {
  /** How many resources leave the state. */
  readonly count: number;
  /** What answers requests, holds data or is protected, with what its end means. */
  readonly removals: readonly Removal[];
}

/** Judges the whole state of a stack. */
export function destruction(resources: readonly StateResource[]): Destruction {
  const steps = resources
    .filter(({ retainOnDelete, external }) => !retainOnDelete && !external)
    .map(({ urn, type, protect, inputs = {} }) => ({
      op: "delete",
      urn,
      type,
      name: partsOfUrn(urn).name,
      before: { inputs, outputs: {}, protect },
      after: undefined,
      replacedBy: [],
    }));
  return {
    count: resources.length,
    removals: removals({ steps }, everyModel(resources)),
  };
}

/** Whoever destroys a stack means all of its models: none is missing from the config by mistake. */
function everyModel(resources: readonly StateResource[]): DeclaredModels {
  const names = resources.flatMap(({ urn, inputs }) => {
    const { labels } = (inputs?.metadata ?? {}) as { labels?: Readonly<Record<string, string>> };
    const model = labels?.["menagerie.dev/model"] ?? partsOfUrn(urn).name;
    return [model, model.replace(/_copy$/, "")];
  });
  return { zoo: names, development: names, shadows: names };
}
