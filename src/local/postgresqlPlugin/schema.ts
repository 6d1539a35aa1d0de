import { quoteIdentifier } from "../../adapters/postgres/identifier.ts";
import { withClient } from "../../adapters/postgres/server.ts";
import { unlessAbsent } from "./absent.ts";
import { optionalText, type Properties, type ResourceKind, textOf } from "./resourceKind.ts";

/** `postgresql.Schema` */
export const schema: ResourceKind = {
  properties: { name: "text", database: "text", owner: "text", dropCascade: "boolean" },
  replaceOn: () => ["name", "database"],
  check: () => [],
  idOf: (inputs) => `${databaseOf(inputs)}.${textOf(inputs, "name")}`,
  ensure: (server, inputs) =>
    withClient(server, databaseOf(inputs, server.maintenanceDatabase), async (client) => {
      const name = quoteIdentifier(textOf(inputs, "name"));
      const owner = optionalText(inputs, "owner");
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
      if (owner !== undefined) await client.query(`ALTER SCHEMA ${name} OWNER TO ${quoteIdentifier(owner)}`);
    }),
  read: (server, id, known) => {
    const dot = id.indexOf(".");
    const name = optionalText(known, "name") ?? id.slice(dot + 1);
    const database = optionalText(known, "database") ?? id.slice(0, dot);
    return unlessAbsent(() =>
      withClient(server, database, async (client) => {
        const { rows } = await client.query<{ owner: string }>(
          "SELECT pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = $1",
          [name],
        );
        return rows[0] && { ...known, name, database, owner: rows[0].owner };
      }),
    );
  },
  delete: async (server, state) => {
    await unlessAbsent(() =>
      withClient(server, databaseOf(state, server.maintenanceDatabase), (client) =>
        client.query(
          `DROP SCHEMA IF EXISTS ${quoteIdentifier(textOf(state, "name"))} ${state.dropCascade === true ? "CASCADE" : "RESTRICT"}`,
        ),
      ),
    );
  },
};

function databaseOf(inputs: Properties, otherwise = ""): string {
  return optionalText(inputs, "database") ?? otherwise;
}
