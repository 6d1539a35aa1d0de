/**
 * Rights in one database by role, then by object, as a preview shows them:
 *
 * ```
 * menagerie_api:
 *   database: CONNECT
 *   schema: USAGE
 *   table model: INSERT (name, organization_id), SELECT
 * ```
 *
 * Tables, views, sequences and functions are those of one schema, whose own rights are those of `schema`. `all sequences` stands for
 * every sequence that the schema has by then. An object without a privilege is one in which the role has nothing. What a role may do in
 * the database is another's to say where there is no `database`. Role `public` is everybody.
 */
export type Rights = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Kinds of objects that rights are given in. */
export type ObjectKind = "database" | "schema" | "table" | "sequence" | "all sequences" | "function";

/** One privilege in one object, or in one column of a table. */
export interface Right {
  readonly kind: ObjectKind;
  /** Name of the table, view or sequence, or a function with the types of its arguments; empty for what there is one of. */
  readonly name: string;
  /** In capital letters. */
  readonly privilege: string;
  /** Undefined for the whole object. */
  readonly column?: string | undefined;
  /**
   * Whether the role may give it to others.
   * @default false
   */
  readonly grantable?: boolean | undefined;
}

/** Privileges by kind of object (https://www.postgresql.org/docs/current/ddl-priv.html). */
export const privilegesOf: Readonly<Record<ObjectKind, readonly string[]>> = {
  database: ["CREATE", "CONNECT", "TEMPORARY"],
  schema: ["CREATE", "USAGE"],
  table: ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"],
  sequence: ["SELECT", "UPDATE", "USAGE"],
  "all sequences": ["SELECT", "UPDATE", "USAGE"],
  function: ["EXECUTE"],
};

/** The rights of one role as {@link Rights} has them. */
export function describeRights(rights: readonly Right[]): Readonly<Record<string, string>> {
  const byObject = Map.groupBy(rights, objectOf);
  return Object.fromEntries([...byObject].sort(byName).map(([object, own]) => [object, privilegesText(own)]));
}

/** The rights of one role of {@link Rights}. */
export function rightsOf(described: Readonly<Record<string, string>>): Right[] {
  return Object.entries(described).flatMap(([object, privileges]) =>
    [...privileges.matchAll(/([A-Z]+)(?: \(([^)]*)\))?/g)].flatMap(([, privilege = "", columns]): Right[] =>
      columns === undefined
        ? [{ ...objectFrom(object), privilege }]
        : columns.split(", ").map((column) => ({ ...objectFrom(object), privilege, column })),
    ),
  );
}

/** With a right in each of `sequences` for those in all of them. */
export function inEachSequence(rights: readonly Right[], sequences: readonly string[]): Right[] {
  return rights.flatMap((right): Right[] =>
    right.kind === "all sequences" ? sequences.map((name) => ({ ...right, kind: "sequence", name })) : [right],
  );
}

/** Those of `some` that are not among `others`. */
export function rightsWithout(some: readonly Right[], others: readonly Right[]): Right[] {
  const known = new Set(others.map(keyOf));
  return some.filter((right) => !known.has(keyOf(right)));
}

/** The object's part of {@link Rights}. */
export function objectOf({ kind, name }: Pick<Right, "kind" | "name">): string {
  return name === "" ? kind : `${kind} ${name}`;
}

function objectFrom(text: string): Pick<Right, "kind" | "name"> {
  const kind = (Object.keys(privilegesOf) as ObjectKind[]).find((each) => text === each || text.startsWith(`${each} `));
  if (!kind) throw new Error(`"${text}" is not an object that rights are given in`);
  return { kind, name: text.slice(kind.length + 1) };
}

function privilegesText(rights: readonly Right[]): string {
  const byPrivilege = Map.groupBy(rights, ({ privilege, column, grantable }) =>
    [privilege, column === undefined ? "" : " ()", grantable ? " WITH GRANT OPTION" : ""].join(""),
  );
  return [...byPrivilege]
    .sort(byName)
    .map(([text, own]) =>
      text.replace(
        "()",
        `(${own
          .map(({ column }) => column)
          .sort()
          .join(", ")})`,
      ),
    )
    .join(", ");
}

function keyOf(right: Right): string {
  return JSON.stringify([objectOf(right), right.privilege, right.column ?? "", right.grantable ?? false]);
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
