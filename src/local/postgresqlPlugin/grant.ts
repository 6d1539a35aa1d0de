import type { ClientBase } from "pg";
import { quoteIdentifier } from "../../adapters/postgres/identifier.ts";
import { type DatabaseServer, withClient } from "../../adapters/postgres/server.ts";
import { inTransaction } from "../../adapters/postgres/transaction.ts";
import { unlessAbsent } from "./absent.ts";
import { type GrantTarget, granted, sequencesIn } from "./grantCatalog.ts";
import {
  optionalText,
  type Properties,
  type PropertyFailure,
  type ResourceKind,
  textOf,
  textsOf,
} from "./resourceKind.ts";

/** Privileges by object type (https://www.postgresql.org/docs/current/ddl-priv.html). */
const privilegesOf: Readonly<Record<string, readonly string[]>> = {
  database: ["CREATE", "CONNECT", "TEMPORARY"],
  schema: ["CREATE", "USAGE"],
  sequence: ["SELECT", "UPDATE", "USAGE"],
  table: ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"],
  column: ["SELECT", "INSERT", "UPDATE", "REFERENCES"],
};

/**
 * `postgresql.Grant`: the role has exactly these privileges on these objects; none means that all are taken away. Role
 * `public` stands for everybody. On columns a grant is about one privilege, as the official plugin has it, so that several
 * can share a column. Only what differs from the catalog is granted or revoked: a REVOKE of a whole table would take
 * along what is granted on its columns.
 */
export const grant: ResourceKind = {
  properties: {
    role: "text",
    database: "text",
    schema: "text",
    objectType: "text",
    objects: "texts",
    columns: "texts",
    privileges: "texts",
  },
  replaceOn: ({ objectType }) => [
    ...["role", "database", "schema", "objectType", "objects", "columns"],
    ...(objectType === "column" ? ["privileges"] : []),
  ],
  check,
  idOf: (inputs) =>
    [
      textOf(inputs, "role"),
      textOf(inputs, "database"),
      optionalText(inputs, "schema"),
      textOf(inputs, "objectType"),
      ...textsOf(inputs, "objects").sort(),
      ...textsOf(inputs, "columns").sort(),
      ...(inputs.objectType === "column" ? textsOf(inputs, "privileges") : []),
    ]
      .filter((part) => part !== undefined)
      .join("_"),
  ensure: (server, inputs) => inDatabase(server, inputs, (client) => converge(client, inputs, wantedOf(inputs))),
  read: (server, _id, known) =>
    unlessAbsent(() =>
      inDatabase(server, known, async (client) => {
        const wanted = wantedOf(known);
        for (const target of await targetsOf(client, known)) {
          const now = await managed(client, target, known);
          if (now === undefined) return undefined;
          if (without(now, wanted).size + without(wanted, now).size > 0)
            return { ...known, privileges: [...now].sort() };
        }
        return known;
      }),
    ),
  delete: async (server, state) => {
    await unlessAbsent(() => inDatabase(server, state, (client) => converge(client, state, new Set())));
  },
};

function check(inputs: Properties): PropertyFailure[] {
  const objectType = textOf(inputs, "objectType");
  const known = privilegesOf[objectType];
  if (!known) {
    const types = Object.keys(privilegesOf).join(", ");
    return [{ property: "objectType", reason: `"${objectType}" is not served by the local plugin; use ${types}` }];
  }
  const failures: PropertyFailure[] = [];
  const require = (property: string, needed: boolean, given: boolean): void => {
    if (needed && !given) failures.push({ property, reason: `missing; a grant of objectType ${objectType} needs it` });
  };
  require("database", true, optionalText(inputs, "database") !== undefined);
  require("schema", objectType !== "database", optionalText(inputs, "schema") !== undefined);
  require("objects", objectType === "table" || objectType === "column", textsOf(inputs, "objects").length > 0);
  require("columns", objectType === "column", textsOf(inputs, "columns").length > 0);
  if (objectType === "column" && textsOf(inputs, "privileges").length !== 1) {
    failures.push({ property: "privileges", reason: "a grant of objectType column takes exactly one" });
  }
  for (const privilege of textsOf(inputs, "privileges")) {
    if (known.includes(privilege)) continue;
    failures.push({ property: "privileges", reason: `"${privilege}" is not one of ${known.join(", ")}` });
  }
  return failures;
}

function inDatabase<T>(
  server: DatabaseServer,
  inputs: Properties,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  return withClient(server, textOf(inputs, "database"), (client) => inTransaction(client, () => work(client)));
}

async function converge(client: ClientBase, inputs: Properties, wanted: ReadonlySet<string>): Promise<void> {
  // Two grants on one object at once end in "tuple concurrently updated".
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('menagerie.grant', 0))");
  for (const target of await targetsOf(client, inputs)) {
    const now = await managed(client, target, inputs);
    if (now === undefined) {
      // Nothing to take away from what is not there.
      if (wanted.size === 0) continue;
      throw new Error(`cannot grant on ${describe(target)}: it does not exist, or role "${target.role}" does not`);
    }
    await change(client, "REVOKE", without(now, wanted), "FROM", target);
    await change(client, "GRANT", without(wanted, now), "TO", target);
  }
}

/** What the role has of the privileges that the grant is about. */
async function managed(client: ClientBase, target: GrantTarget, inputs: Properties): Promise<Set<string> | undefined> {
  const now = await granted(client, target);
  if (now === undefined || target.kind !== "column") return now;
  const own = wantedOf(inputs);
  return new Set([...now].filter((privilege) => own.has(privilege)));
}

async function change(
  client: ClientBase,
  verb: "GRANT" | "REVOKE",
  privileges: ReadonlySet<string>,
  word: "TO" | "FROM",
  target: GrantTarget,
): Promise<void> {
  if (privileges.size === 0) return;
  const column = target.column === undefined ? "" : ` (${quoteIdentifier(target.column)})`;
  // Only names of the list above come this far.
  const list = [...privileges].map((privilege) => privilege + column).join(", ");
  const grantee = target.role === "public" ? "PUBLIC" : quoteIdentifier(target.role);
  await client.query(`${verb} ${list} ON ${onObject(target)} ${word} ${grantee}`);
}

function onObject({ kind, database, schema, table }: GrantTarget): string {
  if (kind === "database") return `DATABASE ${quoteIdentifier(database)}`;
  if (kind === "schema") return `SCHEMA ${quoteIdentifier(schema)}`;
  if (kind === "sequence") return `SEQUENCE ${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
  return `TABLE ${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}

function describe({ kind, database, schema, table, column }: GrantTarget): string {
  const name = {
    database,
    schema,
    sequence: `${schema}.${table}`,
    table: `${schema}.${table}`,
    column: `${schema}.${table}.${column}`,
  }[kind];
  return `${kind} ${name}`;
}

function without(some: ReadonlySet<string>, others: ReadonlySet<string>): Set<string> {
  return new Set([...some].filter((each) => !others.has(each)));
}

function wantedOf(inputs: Properties): Set<string> {
  return new Set(textsOf(inputs, "privileges"));
}

/** One target per object, and per column where columns are given. Sequences are all those of the schema where none is named. */
async function targetsOf(client: ClientBase, inputs: Properties): Promise<GrantTarget[]> {
  const kind = textOf(inputs, "objectType") as GrantTarget["kind"];
  const target = (table: string, column?: string): GrantTarget => ({
    kind,
    role: textOf(inputs, "role"),
    database: textOf(inputs, "database"),
    schema: optionalText(inputs, "schema") ?? "",
    table,
    column,
  });
  if (kind === "database" || kind === "schema") return [target("")];
  const tables = textsOf(inputs, "objects");
  if (kind === "sequence") {
    const names = tables.length > 0 ? tables : await sequencesIn(client, optionalText(inputs, "schema") ?? "");
    return names.map((name) => target(name));
  }
  if (kind === "table") return tables.map((table) => target(table));
  return tables.flatMap((table) => textsOf(inputs, "columns").map((column) => target(table, column)));
}
