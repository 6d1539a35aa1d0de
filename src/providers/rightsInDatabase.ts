import { platformDatabase } from "../domain/platformDatabase.ts";
import type { Rights } from "../domain/rights/rights.ts";
import type { DatabaseInput } from "./databaseInput.ts";
import { databaseServer } from "./databaseServer.ts";

/** Input of resources that say what roles may do in their schema. */
export interface RightsInput {
  /**
   * What each role may do, in the words of the preview.
   * @default what the checkout's SQL files say
   */
  readonly rights?: Rights;
}

/**
 * What the roles may do by now, so that a refresh shows what was granted or revoked by hand. Nothing for the state of a version before
 * rights were inputs.
 */
export async function rightsInDatabase(inputs: RightsInput & DatabaseInput, schema: string): Promise<RightsInput> {
  const { rights } = inputs;
  if (!rights) return {};
  // Loaded when needed: a preview only checks and compares.
  const { withClient } = await import("../adapters/postgres/server.ts");
  const { foundRights } = await import("../adapters/postgres/rights/catalog.ts");
  const found = await withClient(databaseServer(inputs), platformDatabase, (client) =>
    foundRights(client, schema, rights),
  );
  return { rights: found };
}

/** Takes all rights in the schema and its database from the roles, which are dropped next. */
export async function withoutRights(inputs: DatabaseInput, schema: string, roles: readonly string[]): Promise<void> {
  const { applyRightsIn } = await import("../adapters/postgres/rights/apply.ts");
  await applyRightsIn(
    databaseServer(inputs),
    schema,
    Object.fromEntries(roles.map((role) => [role, { database: "" }])),
  );
}
