import type * as z from "zod";
import { refused } from "../domain/refusals/refusal.ts";
import { seedRules } from "../domain/release/stateSchema.ts";
import { choice, listOf, mapping, namesTo, text, wholeNumber } from "./fields.ts";
import { pipelines } from "./pipelines.ts";
import { schemaRefusals } from "./sentences.ts";

const folder = /^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0\\]+$/;

const table = mapping(
  {
    seed: choice(
      seedRules,
      "How the table of a new release begins: copy (the rows of the release before), view (a view of its table, read-only for services) or empty. Default: copy.",
    ).default("copy"),
    columns: namesTo(
      /^[^\0]{1,63}$/,
      "give a column's name, such as email",
      text(/\S/, "give an SQL expression over a row of the release before, in quotes", "SQL expression."),
      `write {<column>: "coalesce(<column>, '')"}`,
      "SQL expressions over a row of the release before, for columns that are new, of another type or NOT NULL from this release on. Default: none.",
    ).optional(),
  },
  "write {seed: copy}",
  "One table of the state.",
);

/** What pipelines build from. */
export const source = mapping(
  {
    schemas: text(
      folder,
      "give the folder of the SQL files, relative to the project, such as source",
      "Folder of the .sql files that declare the source data's tables.",
    ),
    data: text(
      /^[^\0]+$/,
      "give a folder of .csv files, such as data",
      "Folder of the CSV files that are loaded, each named after its table, or one such file. Default: none, tables are made and nothing is loaded.",
    ).optional(),
  },
  "write {schemas: source, data: data}",
  "Source data that pipelines build states from, in schema `source`: what `menagerie data load` loads. Default: none.",
);

export const state = mapping(
  {
    schemas: text(
      folder,
      "give the folder of the SQL files, relative to the project, such as state",
      "Folder of the .sql files that declare the state's tables, run in the order of their names in each release's own schema.",
    ),
    release: text(
      /^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/,
      "give a tag of letters, digits and . _ + -, such as v1.2.3",
      "Tag whose state is current, where it is not that of the release: releases with the same one work in the same state. Default: the tag of the release, see menagerie:versioning.",
    ).optional(),
    tables: namesTo(
      /^[^\0]{1,63}$/,
      "give a table's name, such as item",
      table,
      "write {<table>: {seed: view}}",
      "Tables that are not seeded by copy. Default: none.",
    ).default({}),
    extensions: listOf(
      text(/^[^\0"]{1,63}$/, "give an extension's name, such as pg_trgm", "Name of an extension."),
      "write [pg_trgm], or remove the key",
      "Extensions of PostgreSQL that the SQL files use, made in schema public where they are missing. Default: none.",
    ).optional(),
    source: source.optional(),
    pipelines,
    keep: wholeNumber(
      1,
      100,
      "States that stay, the current one among them: those used last, and what they have views of. Unit: releases. Default: 3.",
    ).default(3),
    parallel: wholeNumber(1, 64, "Connections that copy at the same time. Unit: connections. Default: 4.").default(4),
    dumpTo: text(
      /^[^\0]+$/,
      "give a folder of the machine that runs `up`",
      "Folder that a state is dumped to before it is dropped. Default: none, it is dropped without a dump.",
    ).optional(),
  },
  "write {schemas: <folder>}",
  "State of a release: tables in a schema of its own, seeded from the release before. Default: none.",
).optional();

/**
 * A state as a program declares it, its defaults filled in.
 * @throws OperatorError with a line for each mistake
 */
export function declaredStateOf(declared: object): NonNullable<z.output<typeof state>> {
  const parsed = state.safeParse(declared, { reportInput: true });
  if (!parsed.success) throw refused(schemaRefusals(parsed.error.issues, ["state"]));
  if (!parsed.data) throw new Error("a state was declared as nothing");
  return parsed.data;
}
