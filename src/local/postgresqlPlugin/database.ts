import { quoteIdentifier } from "../../adapters/postgres/identifier.ts";
import { withClient } from "../../adapters/postgres/server.ts";
import { optionalText, type ResourceKind, textOf } from "./resourceKind.ts";

/** `postgresql.Database`: made from template0 in UTF-8, as the official plugin does. */
export const database: ResourceKind = {
  properties: { name: "text", owner: "text" },
  replaceOn: () => ["name"],
  check: () => [],
  idOf: (inputs) => textOf(inputs, "name"),
  ensure: (server, inputs) =>
    withClient(server, server.maintenanceDatabase, async (client) => {
      const name = quoteIdentifier(textOf(inputs, "name"));
      const owner = optionalText(inputs, "owner");
      const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [textOf(inputs, "name")]);
      if (rowCount === 0) {
        const ownedBy = owner === undefined ? "" : ` OWNER ${quoteIdentifier(owner)}`;
        await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'${ownedBy}`);
      } else if (owner !== undefined) {
        await client.query(`ALTER DATABASE ${name} OWNER TO ${quoteIdentifier(owner)}`);
      }
    }),
  read: (server, id, known) =>
    withClient(server, server.maintenanceDatabase, async (client) => {
      const { rows } = await client.query<{ owner: string }>(
        "SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1",
        [id],
      );
      return rows[0] && { ...known, name: id, owner: rows[0].owner };
    }),
  delete: (server, state) =>
    withClient(server, server.maintenanceDatabase, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(textOf(state, "name"))} WITH (FORCE)`);
    }),
};
