import { join, resolve } from "node:path";
import { readManifest } from "../../adapters/postgres/releaseState/dump.ts";
import { mixDumps } from "../../adapters/postgres/releaseState/mixDumps.ts";
import type { MixedCombination } from "../../domain/bisect/parts.ts";
import { OperatorError } from "../../domain/errors.ts";
import { isMapping } from "../../domain/mapping.ts";
import { silent } from "../../domain/progress.ts";
import type { StackConfig } from "../../domain/release/restore.ts";
import type { RunnableState } from "../../domain/trial/combination.ts";
import type { StateCopy, TrialState } from "../../domain/trial/trial.ts";
import { projectFolder } from "../../local/localStack.ts";
import { copyOfState, type TrialStateOptions, wantsRows } from "../trial/stateRows.ts";

/** The rows of the states that a search reads: copied from the database, or of a dump where a state was dropped. */
export class SearchedStates {
  readonly #options: TrialStateOptions;
  readonly #states = new Map<string, RunnableState>();
  /** Folders of dumps, by schema. */
  readonly #dumps = new Map<string, string>();

  constructor(options: TrialStateOptions) {
    this.#options = options;
  }

  /** Remembers the state of a combination; of one whose tables stay empty, says so. */
  add(combination: MixedCombination): MixedCombination {
    const { state } = combination;
    if (!state) return combination;
    this.#states.set(state.schema, state);
    if (wantsRows(this.#options)) return combination;
    return { ...combination, rowsOf: Object.fromEntries(state.tables.map(({ name }) => [name, null])) };
  }

  /** The state of a dump, where the config that a release was made from says that states are dumped before they are dropped. */
  async dumped(schema: string, { state }: StackConfig): Promise<RunnableState | null> {
    const dumpTo = isMapping(state) ? state.dumpTo : undefined;
    if (typeof dumpTo !== "string") return null;
    const folder = join(resolve(projectFolder, dumpTo), schema);
    try {
      const { tag, files, tables, extensions } = await readManifest(folder);
      this.#dumps.set(schema, folder);
      return { tag, schema, files, tables: tables.map(({ name, seed }) => ({ name, seed })), extensions };
    } catch (error) {
      if (error instanceof OperatorError) return null;
      throw error;
    }
  }

  /** What the state of a trial begins with. */
  async of({ models, state, rowsOf = {} }: MixedCombination): Promise<TrialState> {
    if (!state || !models.some((model) => model.state) || !wantsRows(this.#options)) return "empty";
    const sources = state.tables.map(({ name }) => (name in rowsOf ? (rowsOf[name] ?? null) : state.schema));
    const schemas = [...new Set(sources.filter((schema) => schema !== null))];
    const [only = state.schema, ...others] = schemas;
    const copies = new Map<string, StateCopy>();
    for (const schema of [only, ...others]) copies.set(schema, await this.#copyOf(schema));
    const own = copies.get(only);
    if (own && Object.keys(rowsOf).length === 0) return own;
    return {
      kind: "copy",
      copy: async (folder, signal) => {
        const dumps = new Map<string, string>();
        for (const [schema, { copy }] of copies) dumps.set(schema, await copy(join(folder, "sources"), signal));
        const places = state.tables.map(({ name }, index): [string, string | null] => {
          const schema = sources[index] ?? null;
          return [name, schema === null ? null : (dumps.get(schema) ?? null)];
        });
        const { tag, files, tables } = state;
        const mixed = { tag, files, tables, own: dumps.get(only) ?? "", rowsOf: Object.fromEntries(places) };
        return mixDumps(join(folder, "mixed"), mixed);
      },
    };
  }

  async #copyOf(schema: string): Promise<StateCopy> {
    const state = this.#states.get(schema);
    if (!state) throw new Error(`schema ${schema} is of no release that was read`);
    return copyOfState(state, this.#options, silent, this.#dumps.get(schema));
  }
}
