import type { ClientBase } from "pg";
import type { Clause } from "../../../domain/refusals/clause.ts";
import { isWidening } from "../../../domain/release/widening.ts";
import { quoteIdentifier } from "../identifier.ts";
import { refuse } from "./refusals.ts";
import { type Column, columnsOf, qualified } from "./relations.ts";

/** A column that is filled by copying. */
export interface CopiedColumn {
  readonly name: string;
  /** SQL over a row of the table that is copied. */
  readonly value: string;
  /** The value is another than before: by an expression, or of another type. Left out where it is not. */
  readonly changed?: true;
}

/** A table that is copied, and how. */
export interface CopiedTable {
  /** Name of the table in both schemas. */
  readonly table: string;
  readonly schema: string;
  readonly from: string;
  /** Expressions by column, see `StateTable`. */
  readonly columns: Readonly<Record<string, string>>;
}

/**
 * The columns of a copied table with what fills them. Types that the SQL files make are others in every release, with the same
 * names: their values pass as text. An expression counts for as long as the release before has the column otherwise, or not at all:
 * the next release takes what it made.
 * @throws OperatorError for a column that cannot be filled exactly, with the key that says how.
 */
export async function copiedColumns(client: ClientBase, copied: CopiedTable): Promise<CopiedColumn[]> {
  const { table, schema, from, columns: expressions } = copied;
  const own = (await columnsOf(client, schema, table)).filter(({ generated }) => !generated);
  const base = new Map((await columnsOf(client, from, table)).map((column) => [column.name, column]));
  const unknown = Object.keys(expressions).find((name) => !own.some((column) => column.name === name));
  if (unknown !== undefined) {
    throw refuse("seed.no-column", { column: keyOf(table, unknown) });
  }
  if (!own.some(({ name }) => base.has(name) || expressions[name] !== undefined)) {
    throw refuse("seed.nothing-to-copy", { table, from });
  }
  const filled: CopiedColumn[] = [];
  for (const column of own) {
    const { name } = column;
    const before = base.get(name);
    const expression = expressions[name];
    const otherwise = before ? difference(column, before, from) : undefined;
    const unfilled = before && column.notNull && !before.notNull;
    if (before && !otherwise && !unfilled) filled.push(copiedAsIs(table, column, before));
    else if (expression !== undefined) filled.push({ name, value: `(${expression})`, changed: true });
    else if (otherwise) throw refuse("seed.column-differs", { column: keyOf(table, name), ...otherwise });
    else if (before && (await holds(client, copied, `${quoteIdentifier(name)} IS NULL`))) {
      throw refuse("seed.column-not-null", {
        column: keyOf(table, name),
        from,
        example: JSON.stringify(`coalesce(${quoteIdentifier(name)}, ${literalOf(column)})`),
      });
    } else if (before) filled.push(copiedAsIs(table, column, before));
    else if (column.notNull && !column.defaulted && (await holds(client, copied, "true"))) {
      throw refuse("seed.column-new", { column: keyOf(table, name), from, example: JSON.stringify(literalOf(column)) });
    }
  }
  return filled;
}

/** The type's own output and input: casts that the SQL files make may mean something else. */
function copiedAsIs(table: string, { name, type, typeName, input }: Column, before: Column): CopiedColumn {
  const value = quoteIdentifier(name);
  if (typeName !== before.typeName) return { name, value, changed: true };
  if (type === before.type) return { name, value };
  if (input === null) {
    throw refuse("seed.casts", { table, column: name, type: typeName });
  }
  // A composite value of nothing but NULLs is itself none.
  return { name, value: `CASE WHEN num_nulls(${value}) = 0 THEN format('%s', ${value})::${input}::${type} END` };
}

/** Why the values of before do not all fit the column as they are, with what to do; undefined where they do. */
function difference(column: Column, before: Column, from: string): Clause | undefined {
  const { name, typeName } = column;
  const fix = `give an expression over the old row, such as ${JSON.stringify(`${quoteIdentifier(name)}::text::${typeName}`)}`;
  if (typeName !== before.typeName) {
    if (isWidening(before.typeName, typeName)) return undefined;
    return { problem: `the column was ${before.typeName} in "${from}" and is ${typeName} now`, fix };
  }
  if (holdsParts(column.parts, before.parts)) return undefined;
  return {
    problem: `type ${typeName} was (${before.parts.join(", ")}) in "${from}" and is (${column.parts.join(", ")}) now`,
    fix,
  };
}

/** An enum may get more labels; a composite type must stay as it is. */
function holdsParts(now: readonly string[], before: readonly string[]): boolean {
  const composite = before.some((part) => part.includes(" "));
  if (composite) return now.join("\n") === before.join("\n");
  return before.every((part) => now.includes(part));
}

async function holds(client: ClientBase, { from, table }: CopiedTable, condition: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM ${qualified(from, table)} WHERE ${condition}) AS found`,
  );
  return rows[0]?.found ?? false;
}

const keyOf = (table: string, column: string): string => `menagerie:state.tables["${table}"].columns["${column}"]`;

function literalOf({ typeName }: Column): string {
  if (/^(smallint|integer|bigint|numeric|real|double)/.test(typeName)) return "0";
  return typeName === "boolean" ? "false" : "''";
}
