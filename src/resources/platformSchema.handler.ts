import { platformSchemaName } from "../domain/platformDatabase.ts";
import type { DatabaseInput } from "../providers/databaseInput.ts";
import { databaseServer } from "../providers/databaseServer.ts";
import type { Handler } from "../providers/handler.ts";
import { hostProgress } from "../providers/host.ts";
import { type RightsInput, rightsInDatabase } from "../providers/rightsInDatabase.ts";

export interface PlatformSchemaInputs extends DatabaseInput, RightsInput {
  /** Name of the checkout's last migration. */
  readonly version: string;
}

/**
 * The platform's tables, made by migrations, and what each role may do in them. Deleting the resource leaves both: the tables hold what
 * cannot be made anew, and rights go with their database.
 */
export const platformSchema: Handler<PlatformSchemaInputs, PlatformSchemaInputs> = {
  inputs: { version: "update", rights: "update", database: "ignore" },
  async complete(inputs) {
    const { platformRights } = await import("../adapters/postgres/rights/files.ts");
    return { ...inputs, rights: await platformRights() };
  },
  async create(inputs) {
    return { id: "menagerie", outs: await migrated(inputs) };
  },
  update: (_id, _olds, news) => migrated(news),
  async read(_id, props) {
    const version = await found(props);
    return version === undefined
      ? undefined
      : { ...props, version, ...(await rightsInDatabase(props, platformSchemaName)) };
  },
};

// Loaded when needed: a preview only checks and compares.
async function migrated(inputs: PlatformSchemaInputs): Promise<PlatformSchemaInputs> {
  const { migrate } = await import("../adapters/postgres/migrate.ts");
  return { ...inputs, version: await migrate(databaseServer(inputs), hostProgress(), inputs.rights) };
}

async function found(inputs: PlatformSchemaInputs): Promise<string | undefined> {
  const { readPlatformState } = await import("../adapters/postgres/plan.ts");
  return (await readPlatformState(databaseServer(inputs), []))?.schemaVersion;
}
