import type { dynamic } from "@pulumi/pulumi";
import { ensurePredictionTables } from "../../../src/adapters/postgres/predictions/ensureTables.ts";
import { withClient } from "../../../src/adapters/postgres/server.ts";
import { actAs } from "../../../src/adapters/postgres/transaction.ts";
import { platformDatabase, roles } from "../../../src/domain/platformDatabase.ts";
import { databaseServer } from "../../../src/providers/databaseServer.ts";
import { delegateOf } from "../../../src/providers/registry.ts";
import type { PredictionTablesInputs } from "../../../src/resources/predictionTables.handler.ts";

/** Handlers as they were before rights were inputs, which `check` adds: they run in the engine's host of dynamic providers. */
export function earlierOf(kind: string): dynamic.ResourceProvider {
  const check: dynamic.ResourceProvider["check"] = async (_olds, news) => ({ inputs: news, failures: [] });
  const earlier = { ...delegateOf(kind), check };
  return kind === "predictionTables" ? { ...earlier, create: createPredictionTables } : earlier;
}

/** For those who read predictions then: a role that came later is not there. */
async function createPredictionTables(inputs: PredictionTablesInputs): Promise<dynamic.CreateResult> {
  const { schema, retentionDays, writer } = inputs;
  await withClient(databaseServer(inputs), platformDatabase, async (client) => {
    await actAs(client, roles.owner);
    await ensurePredictionTables(client, schema, {
      retentionDays,
      writers: [writer],
      readers: [roles.operator, roles.reader, roles.deployer],
      keepers: [roles.api],
    });
  });
  return { id: schema, outs: inputs };
}
