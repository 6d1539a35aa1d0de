import type { DatabaseInput } from "../providers/databaseInput.ts";
import { databaseServer } from "../providers/databaseServer.ts";
import type { Handler } from "../providers/handler.ts";
import { hostProgress } from "../providers/host.ts";

export interface PlatformSchemaInputs extends DatabaseInput {
  /** Name of the checkout's last migration. */
  readonly version: string;
}

/** The platform's tables, made by migrations. Deleting the resource leaves them: they hold what cannot be made anew. */
export const platformSchema: Handler<PlatformSchemaInputs, PlatformSchemaInputs> = {
  inputs: { version: "update", database: "ignore" },
  async create(inputs) {
    return { id: "menagerie", outs: await migrated(inputs) };
  },
  update: (_id, _olds, news) => migrated(news),
  async read(_id, props) {
    const version = await found(props);
    return version === undefined ? undefined : { ...props, version };
  },
};

// Loaded when needed: a preview only checks and compares.
async function migrated(inputs: PlatformSchemaInputs): Promise<PlatformSchemaInputs> {
  const { migrate } = await import("../adapters/postgres/migrate.ts");
  return { ...inputs, version: await migrate(databaseServer(inputs), hostProgress()) };
}

async function found(inputs: PlatformSchemaInputs): Promise<string | undefined> {
  const { readPlatformState } = await import("../adapters/postgres/plan.ts");
  return (await readPlatformState(databaseServer(inputs), []))?.schemaVersion;
}
