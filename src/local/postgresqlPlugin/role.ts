import pg, { type ClientBase } from "pg";
import { quoteIdentifier } from "../../adapters/postgres/identifier.ts";
import { scramVerifier } from "../../adapters/postgres/scramVerifier.ts";
import { withClient } from "../../adapters/postgres/server.ts";
import { optionalText, type Properties, type ResourceKind, textOf, textsOf } from "./resourceKind.ts";

interface RoleRow {
  readonly login: boolean;
  readonly inherit: boolean;
  readonly createDatabase: boolean;
  readonly createRole: boolean;
}

/**
 * `postgresql.Role`: one that can log in or not, with or without a password, a search path of its own and roles that it is a
 * member of. Memberships that were made elsewhere are left alone, such as that of whoever made the role.
 */
export const role: ResourceKind = {
  properties: {
    name: "text",
    login: "boolean",
    inherit: "boolean",
    createDatabase: "boolean",
    createRole: "boolean",
    password: "text",
    searchPaths: "texts",
    roles: "texts",
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
      await setSearchPath(client, name, textsOf(inputs, "searchPaths"));
      for (const group of textsOf(inputs, "roles")) {
        await client.query(`GRANT ${quoteIdentifier(group)} TO ${quoteIdentifier(name)}`);
      }
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
      return {
        ...known,
        name: id,
        ...Object.fromEntries(differing),
        ...(await readLists(client, id, known)),
      };
    }),
  delete: (server, state) =>
    withClient(server, server.maintenanceDatabase, async (client) => {
      await client.query(`DROP ROLE IF EXISTS ${quoteIdentifier(textOf(state, "name"))}`);
    }),
};

/** None means that the role has the server's. */
async function setSearchPath(client: ClientBase, name: string, schemas: readonly string[]): Promise<void> {
  const role = quoteIdentifier(name);
  const path = schemas.map(quoteIdentifier).join(", ");
  await client.query(
    path === "" ? `ALTER ROLE ${role} RESET search_path` : `ALTER ROLE ${role} SET search_path = ${path}`,
  );
}

/** Search path and those of the wanted memberships that are there, where either was given or is not at its default. */
async function readLists(client: ClientBase, name: string, known: Properties): Promise<Properties> {
  const { rows } = await client.query<{ path: string | null; groups: string[] }>(
    `SELECT (SELECT substring(setting FROM '^search_path=(.*)$') FROM unnest(rolconfig) AS setting
              WHERE setting LIKE 'search_path=%') AS path,
            array(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS groups
       FROM pg_roles r WHERE rolname = $1`,
    [name],
  );
  const { path, groups = [] } = rows[0] ?? {};
  const searchPaths = path
    ? [...path.matchAll(/"((?:[^"]|"")*)"|[^\s,]+/g)].map(([all, quoted]) => quoted?.replaceAll('""', '"') ?? all)
    : [];
  const wanted = textsOf(known, "roles");
  return {
    ...("searchPaths" in known || searchPaths.length > 0 ? { searchPaths } : {}),
    ...("roles" in known ? { roles: wanted.filter((group) => groups.includes(group)) } : {}),
  };
}

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
