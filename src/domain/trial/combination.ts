import type { StateFile, StateTable } from "../release/stateSchema.ts";

/** A truss folder, by its absolute path, and the hash that its content must have. */
export interface TrussContent {
  readonly folder: string;
  readonly hash: string;
}

/** What a model's container runs. */
export type RunnableContent =
  /** An image that was built before: `<url>@sha256:<64 hex>`. It is looked up in the image stores of this machine, then in its registry. */
  | {
      readonly image: string;
      /** What is built where the image is gone, if it still has that content. @default nothing */
      readonly builtFrom?: TrussContent | undefined;
    }
  /** It is built unless it was built before. */
  | TrussContent;

/** One model of a combination, with everything that makes its container. */
export interface RunnableModel {
  /** Name in the stack's config. */
  readonly name: string;
  readonly content: RunnableContent;
  /** Of one pod: cores, bytes with a suffix, whole GPUs. */
  readonly resources: { readonly cpu: string; readonly memory: string; readonly gpus: number };
  /** Its own environment variables, as config has them. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of the secrets that its truss reads. */
  readonly secrets: readonly string[];
  /** Its version as the release's variables name it, such as `iris-v3`. @default its name */
  readonly identifier?: string | undefined;
  /** It works in the release's state: it gets the variables and the login of the combination's state. @default false */
  readonly state?: boolean | undefined;
}

/** Tables that a release works in, as the record has them. */
export interface RunnableState {
  /** Release that they belong to. */
  readonly tag: string;
  /** Schema, in the database that it is copied from and in the trial's own. */
  readonly schema: string;
  /** SQL files that declare them. */
  readonly files: readonly StateFile[];
  readonly tables: readonly Pick<StateTable, "name" | "seed">[];
  /** Extensions of PostgreSQL that they may use. */
  readonly extensions: readonly string[];
}

/** Models that are brought up together somewhere else than where they serve. Names are unique. */
export interface RunnableCombination {
  /** For people and for the variable `VERSION`: a release's tag, a commit. */
  readonly name: string;
  readonly models: readonly RunnableModel[];
  /** Null for a release without one. It is made only where a model works in it. */
  readonly state: RunnableState | null;
}

/** A secret without a value, and the models that read it. */
export interface MissingSecret {
  readonly name: string;
  readonly models: readonly string[];
}

/** Secrets that models read and nobody gave a value for, in the order of their names. */
export function missingSecrets(models: readonly RunnableModel[], given: ReadonlySet<string>): MissingSecret[] {
  const readers = new Map<string, string[]>();
  for (const { name: model, secrets } of models) {
    for (const name of secrets) if (!given.has(name)) readers.set(name, [...(readers.get(name) ?? []), model]);
  }
  return [...readers].map(([name, models]) => ({ name, models })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
