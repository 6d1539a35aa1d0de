import type { ClientBase } from "pg";
import { platformDatabase, roles } from "../domain/platformDatabase.ts";
import { type DatabaseInput, databaseServer } from "./databaseServer.ts";
import type { Handler } from "./handler.ts";

export interface PredictionTablesInputs extends DatabaseInput {
  /** Schema, which exists and belongs to the platform's owner. */
  readonly schema: string;
  /** Days that predictions are kept, before today's. */
  readonly retentionDays: number;
  /** Login of the recorder: it may add, and read nothing. */
  readonly writer: string;
  /** Changes with the tables' columns, so that an `up` adds those that a stack's tables do not have yet. */
  readonly revision: number;
}

/** The tables of one recorded model. Deleting the resource leaves them: they go with their schema. */
export const predictionTables: Handler<PredictionTablesInputs, PredictionTablesInputs> = {
  inputs: ["schema", "retentionDays", "writer", "revision"],
  replaceOn: ["schema"],
  check: async () => [],
  async create(inputs) {
    await ensured(inputs);
    return { id: inputs.schema, outs: inputs };
  },
  async update(_id, _olds, news) {
    await ensured(news);
    return news;
  },
  exists: (_id, inputs) =>
    inDatabase(inputs, async (client) => {
      const { rows } = await client.query<{ found: boolean }>("SELECT to_regnamespace($1) IS NOT NULL AS found", [
        JSON.stringify(inputs.schema),
      ]);
      return rows[0]?.found === true;
    }),
  delete: async () => {},
};

async function ensured(inputs: PredictionTablesInputs): Promise<void> {
  const { schema, retentionDays, writer } = inputs;
  const { ensurePredictionTables } = await import("../adapters/postgres/predictions/ensureTables.ts");
  const { actAs } = await import("../adapters/postgres/transaction.ts");
  await inDatabase(inputs, async (client) => {
    await actAs(client, roles.owner);
    const readers = [roles.operator, roles.reader, roles.deployer];
    await ensurePredictionTables(client, schema, { retentionDays, writers: [writer], readers });
  });
}

// Loaded when needed: a preview only checks and compares.
async function inDatabase<T>(inputs: PredictionTablesInputs, work: (client: ClientBase) => Promise<T>): Promise<T> {
  const { withClient } = await import("../adapters/postgres/server.ts");
  return withClient(databaseServer(inputs), platformDatabase, work);
}
