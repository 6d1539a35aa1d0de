import type { ClientBase } from "pg";
import { platformDatabase, roles } from "../domain/platformDatabase.ts";
import { predictionTableNames } from "../domain/recording/tablesRevision.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { databaseServer } from "../providers/databaseServer.ts";
import type { Handler } from "../providers/handler.ts";

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
  inputs: { schema: "replace", retentionDays: "update", writer: "update", revision: "update", database: "ignore" },
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
      // Its writer may have been dropped and made again, without a right.
      const { rows } = await client.query<{ found: boolean }>(
        `SELECT (SELECT bool_and(to_regclass(format('%I.%I', $1::text, name)) IS NOT NULL) FROM unnest($3::text[]) name)
            AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = $2
                   AND has_table_privilege(r.oid, to_regclass(format('%I.inference_response', $1::text)), 'INSERT')) AS found`,
        [inputs.schema, inputs.writer, [...predictionTableNames]],
      );
      return rows[0]?.found === true;
    }),
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
