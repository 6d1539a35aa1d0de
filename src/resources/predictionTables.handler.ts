import type { ClientBase } from "pg";
import { platformDatabase, roles } from "../domain/platformDatabase.ts";
import { predictionTableNames } from "../domain/recording/tablesRevision.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { databaseServer } from "../providers/databaseServer.ts";
import type { Handler } from "../providers/handler.ts";
import { type RightsInput, rightsInDatabase, withoutRights } from "../providers/rightsInDatabase.ts";

export interface PredictionTablesInputs extends DatabaseInput, RightsInput {
  /** Schema, which exists and belongs to the platform's owner. */
  readonly schema: string;
  /** Days that predictions are kept, before today's. */
  readonly retentionDays: number;
  /** Login of the recorder: it may add, and read nothing. */
  readonly writer: string;
  /** Changes with the tables' columns, so that an `up` adds those that a stack's tables do not have yet. */
  readonly revision: number;
}

/**
 * The tables of one recorded model, and who may add to them and read them. Deleting the resource leaves the tables, which go with their
 * schema; the recorder's login, which may be dropped then, has no rights any more.
 */
export const predictionTables: Handler<PredictionTablesInputs, PredictionTablesInputs> = {
  inputs: {
    schema: "replace",
    retentionDays: "update",
    writer: "update",
    revision: "update",
    rights: "update",
    database: "ignore",
  },
  async complete(inputs) {
    const { predictionRights, predictionReaders, predictionKeepers } = await import(
      "../adapters/postgres/rights/files.ts"
    );
    const { schema, writer } = inputs;
    const roles = { writers: [writer], readers: predictionReaders, keepers: predictionKeepers };
    return { ...inputs, rights: await predictionRights(schema, roles) };
  },
  async create(inputs) {
    await ensured(inputs);
    return { id: inputs.schema, outs: inputs };
  },
  async update(_id, _olds, news) {
    await ensured(news);
    return news;
  },
  async read(_id, props) {
    return (await isThere(props)) ? { ...props, ...(await rightsInDatabase(props, props.schema)) } : undefined;
  },
  delete: (_id, props) => withoutRights(props, props.schema, [props.writer]),
};

function isThere(inputs: PredictionTablesInputs): Promise<boolean> {
  return inDatabase(inputs, async (client) => {
    const { rows } = await client.query<{ found: boolean }>(
      `SELECT bool_and(to_regclass(format('%I.%I', $1::text, name)) IS NOT NULL) AS found FROM unnest($2::text[]) name`,
      [inputs.schema, [...predictionTableNames]],
    );
    return rows[0]?.found === true;
  });
}

async function ensured(inputs: PredictionTablesInputs): Promise<void> {
  const { schema, retentionDays, writer } = inputs;
  const { ensurePredictionTables } = await import("../adapters/postgres/predictions/ensureTables.ts");
  const { predictionReaders, predictionKeepers } = await import("../adapters/postgres/rights/files.ts");
  const { actAs } = await import("../adapters/postgres/transaction.ts");
  await inDatabase(inputs, async (client) => {
    await actAs(client, roles.owner);
    await ensurePredictionTables(client, schema, {
      retentionDays,
      writers: [writer],
      readers: predictionReaders,
      keepers: predictionKeepers,
    });
  });
}

// Loaded when needed: a preview only checks and compares.
async function inDatabase<T>(inputs: PredictionTablesInputs, work: (client: ClientBase) => Promise<T>): Promise<T> {
  const { withClient } = await import("../adapters/postgres/server.ts");
  return withClient(databaseServer(inputs), platformDatabase, work);
}
