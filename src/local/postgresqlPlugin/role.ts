import pg from "pg";
import { quoteIdentifier } from "../../adapters/postgres/identifier.ts";
import { withClient } from "../../adapters/postgres/server.ts";
import { optionalText, type Properties, type ResourceKind, textOf } from "./resourceKind.ts";
import { scramVerifier } from "./scram.ts";

interface RoleRow {
  readonly login: boolean;
  readonly inherit: boolean;
  readonly createDatabase: boolean;
  readonly createRole: boolean;
}

/** `postgresql.Role`: one that can log in or not, with or without a password. */
export const role: ResourceKind = {
  properties: {
    name: "text",
    login: "boolean",
    inherit: "boolean",
    createDatabase: "boolean",
    createRole: "boolean",
    password: "text",
  },
  replaceOn: () => ["name"],
  check: ({ password }) =>
    typeof password === "string" && /[^\x20-\x7e]/.test(password)
      ? [{ property: "password", reason: "holds characters other than printable ASCII; choose another password" }]
      : [],
  idOf: (inputs) => textOf(inputs, "name"),
  ensure: (server, inputs) =>
    withClient(server, server.maintenanceDatabase, async (client) => {
      const name = textOf(inputs, "name");
      const exists = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [name]);
      // CREATE and ALTER take the same options, of which none can be bound.
      const verb = exists.rowCount === 0 ? "CREATE" : "ALTER";
      await client.query(`${verb} ROLE ${quoteIdentifier(name)} WITH ${options(inputs).join(" ")}`);
    }),
  read: (server, id, known) =>
    withClient(server, server.maintenanceDatabase, async (client) => {
      const { rows } = await client.query<RoleRow>(
        `SELECT rolcanlogin AS login, rolinherit AS inherit, rolcreatedb AS "createDatabase",
                rolcreaterole AS "createRole" FROM pg_roles WHERE rolname = $1`,
        [id],
      );
      const row = rows[0];
      if (!row) return undefined;
      // What was left at its default stays left out, unless it is not at its default any more.
      const differing = Object.entries(row).filter(([key, value]) => key in known || value !== defaults[key]);
      // The password cannot be read back.
      return { ...known, name: id, ...Object.fromEntries(differing) };
    }),
  delete: (server, state) =>
    withClient(server, server.maintenanceDatabase, async (client) => {
      await client.query(`DROP ROLE IF EXISTS ${quoteIdentifier(textOf(state, "name"))}`);
    }),
};

const defaults: Properties = { login: false, inherit: true, createDatabase: false, createRole: false };

function options(inputs: Properties): string[] {
  const is = (key: string): boolean => Boolean(inputs[key] ?? defaults[key]);
  const password = optionalText(inputs, "password");
  return [
    is("login") ? "LOGIN" : "NOLOGIN",
    is("inherit") ? "INHERIT" : "NOINHERIT",
    is("createDatabase") ? "CREATEDB" : "NOCREATEDB",
    is("createRole") ? "CREATEROLE" : "NOCREATEROLE",
    `PASSWORD ${password === undefined ? "NULL" : pg.escapeLiteral(scramVerifier(password))}`,
  ];
}
