import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { platformDatabase } from "../domain/platformDatabase.ts";
import type { PlannedState } from "../domain/release/plannedState.ts";
import { isOwnTable, releaseRoles, type StateTable } from "../domain/release/stateSchema.ts";
import type { Environment } from "../environment/environment.ts";
import type { RightsOutput } from "../environment/outputs.ts";
import platformGrants from "./earlierGrants.json" with { type: "json" };

/** What of an environment had grants. */
export interface EarlierHolders extends Pick<Environment, "postgres"> {
  readonly facts: {
    readonly platform?: Pick<NonNullable<Environment["facts"]["platform"]>, "earlierGrants"> | undefined;
  };
  readonly parts: Pick<Environment["parts"], "tables" | "releases" | "stores">;
}

type Grant = Omit<postgresql.GrantArgs, "database">;

/**
 * Declares the grants that the state may hold of an earlier version once more, as resources that the engine only forgets. The engine deletes
 * what is not declared any more after everything else, and to delete a grant is to revoke it, so they leave in two steps: the `up` that finds
 * `rights: sql` among the outputs of the last one leaves them out. Each is as that version declared it, so that nothing is done to it.
 */
export function declareEarlierGrants(environment: EarlierHolders): pulumi.Input<RightsOutput> {
  const { facts, parts } = environment;
  if (!parts.tables) return null;
  const earlier = facts.platform?.earlierGrants;
  if (!earlier) return "sql";
  const provider = environment.postgres;
  const declared: postgresql.Grant[] = [];
  const declare = (parent: pulumi.Resource, after: pulumi.Resource, grants: Readonly<Record<string, Grant>>): void => {
    // Of no component any more: what depends on that would depend on them, and could not be without them in a run of its own.
    const options = {
      provider,
      dependsOn: after,
      deleteBeforeReplace: true,
      retainOnDelete: true,
      aliases: [{ parent }],
    };
    for (const [name, grant] of Object.entries(grants)) {
      declared.push(new postgresql.Grant(name, { database: platformDatabase, ...grant }, options));
    }
  };
  const wasDeclared = (schema: string): boolean => earlier.schemas?.has(schema) ?? true;
  declare(parts.tables, parts.tables.schema, platformGrants);
  for (const { schema, state } of parts.releases) {
    if (wasDeclared(state.schema)) declare(schema, schema.state, releaseGrants(state));
  }
  for (const [name, store] of Object.entries(parts.stores)) {
    const grant: Grant = { role: store.schema, objectType: "database", privileges: ["CONNECT"] };
    if (wasDeclared(store.schema)) declare(store, store.tables, { [name]: grant });
  }
  return pulumi.all(declared.map(({ id }) => id)).apply((): RightsOutput => "sql");
}

const change = ["DELETE", "INSERT", "SELECT", "UPDATE"];

function releaseGrants({ schema, tables, views, sequences }: PlannedState): Record<string, Grant> {
  const { service, pipeline } = releaseRoles(schema);
  const grants: Record<string, Grant> = {};
  const named = (which: (table: StateTable) => boolean) => tables.filter(which).map(({ name }) => name);
  const onTables = (role: string, label: string, privileges: string[], objects: readonly string[]): void => {
    if (objects.length === 0) return;
    grants[`${role}-${label}`] = { role, objectType: "table", schema, objects: [...objects], privileges };
  };
  for (const role of [service, pipeline]) {
    grants[`${role}-database`] = { role, objectType: "database", privileges: ["CONNECT"] };
    grants[`${role}-schema`] = { role, objectType: "schema", schema, privileges: ["USAGE"] };
    if (!sequences) continue;
    grants[`${role}-sequences`] = { role, objectType: "sequence", schema, privileges: ["SELECT", "USAGE"] };
  }
  onTables(
    service,
    "write",
    change,
    named(({ seed }) => seed !== "view"),
  );
  onTables(service, "read", ["SELECT"], [...named(({ seed }) => seed === "view"), ...views]);
  onTables(pipeline, "build", [...change, "TRUNCATE"], named(isOwnTable));
  onTables(pipeline, "read", ["SELECT"], [...named((table) => !isOwnTable(table)), ...views]);
  return grants;
}
