import type { DatabaseInput } from "../providers/databaseInput.ts";
import { databaseServer } from "../providers/databaseServer.ts";
import type { Handler } from "../providers/handler.ts";

export interface ReleaseRetentionInputs extends DatabaseInput {
  /** Name of the stack. */
  readonly environment: string;
  /** Schemas that stay, sorted. */
  readonly keep: readonly string[];
  /** Schemas that are given up, sorted. */
  readonly retire: readonly string[];
  /** Folder that they are dumped to first; null for none. */
  readonly dumpTo: string | null;
}

/**
 * Marks the states that a stack gives up, which are dropped with the resources of their releases. Deleting it unmarks nothing
 * and drops nothing.
 */
export const releaseRetention: Handler<ReleaseRetentionInputs, ReleaseRetentionInputs> = {
  inputs: { environment: "update", keep: "update", retire: "update", dumpTo: "update", database: "ignore" },
  async create(inputs) {
    return { id: "releases", outs: await marked(inputs) };
  },
  update: (_id, _olds, news) => marked(news),
};

async function marked(inputs: ReleaseRetentionInputs): Promise<ReleaseRetentionInputs> {
  const { markRetired } = await import("../adapters/postgres/releaseState/retire.ts");
  await markRetired(databaseServer(inputs), inputs);
  return inputs;
}
