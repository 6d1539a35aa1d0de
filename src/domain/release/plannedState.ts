import type { StateTable } from "./stateSchema.ts";

/** The state of one release, as a stack declares it. */
export interface PlannedState {
  readonly tag: string;
  readonly schema: string;
  readonly seedFrom: string | null;
  readonly declared: string;
  readonly tables: readonly StateTable[];
  readonly views: readonly string[];
  /** Whether the files make sequences; left out where not. */
  readonly sequences?: true;
  /** What its ConfigMap said at the last `up`; undefined for the current release, and for one that has none. */
  readonly values?: Readonly<Record<string, string>> | undefined;
}
