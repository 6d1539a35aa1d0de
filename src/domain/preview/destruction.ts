import { partsOfUrn, shortType } from "./preview.ts";
import { type DeclaredModels, type Removal, removals } from "./removals.ts";

/** A resource as the state of a stack has it. */
export interface StoredResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string | undefined;
  /** The engine refuses to delete it, when it comes to it. */
  readonly protect?: boolean | undefined;
  /** Leaves the state alone. */
  readonly retainOnDelete?: boolean | undefined;
  /** Read, and not the stack's to delete. */
  readonly external?: boolean | undefined;
  readonly inputs?: Readonly<Record<string, unknown>> | undefined;
}

/** What destroying a stack does. */
export interface Destruction {
  /** How many resources leave the state. */
  readonly count: number;
  /** What the engine would stop at halfway, such as `Database menagerie`. */
  readonly protected: readonly string[];
  /** What answers requests or holds data, with what its end means. */
  readonly removals: readonly Removal[];
}

/** Judges the whole state of a stack. */
export function destruction(resources: readonly StoredResource[]): Destruction {
  const steps = resources
    .filter(({ retainOnDelete, external }) => !retainOnDelete && !external)
    .map(({ urn, type, inputs = {} }) => ({
      ...{ op: "delete", urn, type, name: partsOfUrn(urn).name },
      ...{ before: { inputs, outputs: {} }, after: undefined, replacedBy: [] },
    }));
  return {
    count: resources.length,
    protected: resources
      .filter(({ protect }) => protect)
      .map(({ urn, type }) => `${shortType(type).split(":").at(-1)} ${partsOfUrn(urn).name}`),
    removals: removals({ steps }, everyModel(resources)),
  };
}

/** Whoever destroys a stack means all of its models: none is missing from the config by mistake. */
function everyModel(resources: readonly StoredResource[]): DeclaredModels {
  const names = resources.flatMap(({ urn, inputs }) => {
    const { labels } = (inputs?.metadata ?? {}) as { labels?: Readonly<Record<string, string>> };
    const model = labels?.["menagerie.dev/model"] ?? partsOfUrn(urn).name;
    return [model, model.replace(/_copy$/, "")];
  });
  return { zoo: names, development: names, shadows: names };
}
