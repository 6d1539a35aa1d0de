import type { RefusalTable } from "../../../domain/refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../../../domain/refusals/refusal.ts";

/** What is refused of the state of a release: its SQL files, and rows that are copied, loaded, dumped or dropped. */
export const releaseStateRefusals = {
  "data.table-missing": {
    says: '{name}: table "{table}" is not there yet, but others of the file are',
    fix: "give each table a file of its own, or write CREATE TABLE IF NOT EXISTS",
    cause: "A file that makes some of its tables for the first time is not run as a whole again.",
  },
  "data.sql-refused": {
    says: "{name}: PostgreSQL refuses it: {reason}",
    fix: "correct the file",
    cause: "The statement is wrong, or what it names is not there; the words are PostgreSQL's.",
  },
  "data.from-unreadable": {
    says: "--from {from} cannot be read: {reason}",
    fix: "give a .csv file, or a folder of them",
    cause: "Rows are loaded from CSV files, one for each table.",
  },
  "data.not-csv": {
    says: "--from {from} is not a .csv file",
    fix: "name it after its table, such as item.csv",
    cause: "The file's name says which table it fills.",
  },
  "data.no-csv": {
    says: "--from {from} has no .csv file",
    fix: "name each after its table, such as item.csv",
    cause: "Each file's name says which table it fills.",
  },
  "data.no-table": {
    says: '{file}: there is no table "{table}" in schema source',
    fix: "declare it in the SQL files, or rename the file",
    cause: "The file's name says which table it fills.",
  },
  "data.tables-order": {
    says: "--from: {reason}",
    fix: "give a folder with a file for each of these tables",
    cause: "Tables that refer to others can only be loaded together with them.",
  },
  "data.no-column": {
    says: '{file}, line 1: table "{table}" has no column {unknown}',
    fix: "it has {known}",
    cause: "The first line names the columns.",
  },
  "data.row-refused": {
    says: "{file}{place}: {reason}",
    fix: "correct the line and load again, nothing was changed",
    cause: "PostgreSQL refuses the row; everything was loaded in one transaction, which was rolled back.",
  },
  "seed.no-column": {
    says: "{column}: the SQL files make no such column that can be filled",
    fix: "remove the key",
    cause: "Expressions are for columns that the new release's tables have.",
  },
  "seed.nothing-to-copy": {
    says: 'menagerie:state.tables["{table}"].seed: "copy" is not possible, because release schema "{from}" has none of its columns',
    fix: "use empty",
    cause: "The tables of both releases have no column in common.",
  },
  "seed.column-differs": {
    says: "{column}: {problem}",
    fix: "{fix}",
    cause: "The values of before do not all fit the column's new type.",
  },
  "seed.column-not-null": {
    says: '{column}: the column is NOT NULL now, and rows in "{from}" have none',
    fix: "give an expression over the old row, such as {example}",
    cause: "Rows without a value would not be accepted.",
  },
  "seed.column-new": {
    says: '{column}: the column is new and NOT NULL, and "{from}" has rows without it',
    fix: "give it a DEFAULT in the SQL files, or here an expression over the old row, such as {example}",
    cause: "Nothing says what the rows of before have in it.",
  },
  "seed.casts": {
    says: 'menagerie:state.tables["{table}"].seed: "copy" is not possible for column "{column}", because the SQL files make casts from text, varchar and char to {type}',
    fix: "remove one of the casts, or use view or empty",
    cause: "Values of a type that the files make are read from text, and a cast may read them as something else.",
  },
  "seed.row-does-not-fit": {
    says: 'menagerie:state.tables["{table}"]: a row of "{from}" does not fit the table of the SQL files: {reason}',
    fix: "mend the rows or the files, or give an expression over the old row under columns",
    cause:
      "Tables that are not made as before are filled in a preview, and PostgreSQL refuses a row; the words are its own.",
  },
  "seed.rows-missing": {
    says: 'menagerie:state.tables["{table}"]: its rows would refer to rows that "{referred}" does not get (foreign key "{key}")',
    fix: "give both tables the same seed",
    cause:
      "A foreign key leads from a table that is copied to one that is not, or a new one to rows that are not there.",
  },
  "state.taken-over": {
    says: "state of release {tag}: another run has taken over",
    fix: "wait until it ends",
    cause: "Two runs worked on the same state, and the later one goes on with it.",
    exit: 1,
  },
  "state.not-seeded": {
    says: 'state of release {tag}: table "{table}" cannot be seeded from release schema "{from}": {reason}',
    fix: "",
    cause: "PostgreSQL refuses to copy the table's rows; the words are its own.",
    exit: 1,
  },
  "state.ends-transaction": {
    says: "{file} ends the transaction that it is run in",
    fix: "remove BEGIN, COMMIT and ROLLBACK from it",
    cause:
      "Tables, seeds and rights of a release are made in one transaction, so that a failure leaves nothing behind.",
  },
  "state.extension": {
    says: '{name}: extension "{extension}" belongs to the database, not to one release',
    fix: "remove CREATE EXTENSION, and add it to menagerie:state.extensions",
    cause: "Extensions are installed once for a database, not for a schema.",
  },
  "state.outside": {
    says: "{name}: {object} belongs to the database, not to one release",
    fix: "remove it from the file, and create it once by hand",
    cause: "The files run again in each release; what belongs to the database or the server is there once.",
  },
  "state.made-outside": {
    says: "state of release {tag}: the SQL files make {object}, which does not belong to one release",
    fix: "remove it from the files",
    cause: "What is outside of the release's schema is neither copied nor dropped with it.",
  },
  "state.sql-refused": {
    says: "{name}: PostgreSQL refuses it: {reason}",
    fix: "correct the file",
    cause: "The statement is wrong, or names what is not there; the words are PostgreSQL's.",
  },
  "state.foreign-table": {
    says: 'state of release {tag}: "{name}" is a foreign table, whose rows belong to no release',
    fix: "take it out of the SQL files",
    cause: "Its rows are on another server and cannot be of one release.",
  },
  "state.table-not-recognized": {
    says: 'state of release {tag}: the SQL files make table "{table}" by a statement that is not recognized',
    fix: "write it as CREATE TABLE {quoted} (…)",
    cause: "Before a preview the files are read without a database, so tables have to be made by a plain statement.",
    exit: 1,
  },
  "state.table-not-made": {
    says: 'state of release {tag}: the SQL files do not make table "{table}"',
    fix: "remove the statement that names it, or the DROP behind it",
    cause: "The statement was read in the files, and PostgreSQL made no such table: a condition or a DROP behind it.",
    exit: 1,
  },
  "seed.inherits": {
    says: "{at} that inherits",
    fix: "use view or empty",
    cause: "Rows of a table that inherits belong to several tables.",
  },
  "seed.forced-row-security": {
    says: "{at} with FORCE ROW LEVEL SECURITY, which hides rows from whoever copies",
    fix: "use ENABLE alone",
    cause: "Whoever copies would not see all rows.",
  },
  "seed.reference": {
    says: "{at} with column {reference}, which refers to a large object or another object of the database",
    fix: "use bytea or text, or view or empty",
    cause: "The value is a number that means something in one database only.",
  },
  "seed.view-lacks-column": {
    says: '{at}, because release schema "{from}" has no column "{name}"',
    fix: "use copy, or take the column out",
    cause: "A view shows the rows of the release before, which do not have the column.",
  },
  "seed.view-refused": {
    says: "{at}, because other tables or views refer to it ({reason})",
    fix: "use copy",
    cause: "The table is made first and then replaced by the view, which other objects of the files forbid.",
  },
  "data.already-there": {
    says: 'the state of release {tag} is already there, in schema "{schema}"',
    fix: "a dump is restored only where it is missing",
    cause: "Restoring over rows would double them.",
  },
  "data.rows-refused": {
    says: "the rows of {file} cannot be loaded: {reason}",
    fix: "",
    cause: "The dump was edited, or is of tables of another shape.",
    exit: 1,
  },
  "state.copy-key": {
    says: "MENAGERIE_API_KEY: {what}",
    fix: "`menagerie key create --organization admin --right copy-state` makes one; or leave the rows out by --state empty",
    cause: "A copy of a state takes users' data out of the environment, so it needs a right of its own and is audited.",
  },
  "state.of-release-dropped": {
    says: "{tag}: the state that {model} works in was dropped",
    fix: "load its dump by `menagerie data restore FOLDER`, or choose a release whose state `menagerie data list` shows",
    cause: "Only the last states are kept (menagerie:state.keep).",
    exit: 1,
  },
  "data.too-large": {
    says: "the state of {tag} has more than {gigabytes} GB",
    fix: "allow more by --max-state-gb, or leave it out by --state empty",
    cause: "A copy of a state takes the disk of the machine that it is copied to.",
  },
  "data.not-what-was-dumped": {
    says: "{file} is not what was dumped ({count} rows of {rows})",
    fix: "use an intact copy",
    cause: "The count or checksum that the dump has written down is another.",
    exit: 1,
  },
  "data.not-a-dump": {
    says: "{folder} is not a complete dump of a release's state ({path}: {reason})",
    fix: "use an intact copy",
    cause: "A dump is a folder with a manifest and a file for each table.",
  },
  "state.schema-taken": {
    says: 'state of release {tag}: schema "{schema}" exists with {objects}, which no release made',
    fix: "rename or drop that schema, or choose another tag",
    cause: "The state's schema has the tag as its name, and what is in it would be mixed with the release's tables.",
  },
  "state.lost": {
    says: "the state of release {tag}: {lost} was dropped by hand",
    fix: "{first}load a dump by `menagerie data restore <folder>` and run `up --refresh`, which grants its rights again, or set menagerie:state.release to a new tag, whose state begins with the rows of the release before",
    cause: "The record has the release, and its schema is gone.",
  },
  "state.other-files": {
    says: "the tables of release {tag}'s state were made from other SQL files, and a state keeps its shape",
    fix: "give what is new a tag of its own, or put the files back",
    cause: "A release's tables are made once; another shape belongs to another release.",
    exit: 1,
  },
  "state.not-finished": {
    says: 'state of release {tag}: table "{name}" cannot be finished: {reason}',
    fix: "",
    cause: "PostgreSQL refuses the table's keys, indexes or rights after its rows were copied; the words are its own.",
    exit: 1,
  },
  "state.inconsistent": {
    says: "state of release {tag}: the seeded rows do not fit together: {reason}",
    fix: "give both tables the same seed under menagerie:state.tables",
    cause: "A foreign key leads from a table that was copied to one that was not.",
  },
  "state.extension-not-made": {
    says: "menagerie:state.extensions: PostgreSQL cannot create {name}: {reason}",
    fix: "install it on the server, or let an administrator create it in database menagerie, schema public",
    cause: "The server does not have it, or it takes an administrator to make it.",
  },
  "pipeline.no-state": {
    says: 'pipeline {name}: schema "{schema}" has no finished state',
    fix: "run `up` again",
    cause: "A pipeline fills the tables of a state that is finished.",
    exit: 1,
  },
  "pipeline.state-changed": {
    says: 'pipeline {name}: the state in schema "{schema}" was recreated meanwhile',
    fix: "run `up` again",
    cause: "What the pipeline was filling is gone.",
    exit: 1,
  },
  "state.referenced": {
    says: 'the state in schema "{held}" is not dropped, because {references}',
    fix: "run `up` again, which keeps it",
    cause: "Objects of other schemas need it.",
    exit: 1,
  },
  "state.shown": {
    says: 'the state in schema "{schema}" is not dropped, because "{other}"."{name}" shows its rows',
    fix: "keep more releases by menagerie:state.keep, or drop that view",
    cause: "A view of a release that is kept shows rows of one that is to be dropped.",
    exit: 1,
  },
  "state.source-gone": {
    says: 'state of release {tag}: table "{base}" of release schema "{from}" is gone',
    fix: "run `up` again",
    cause: "The release before was dropped while its rows were copied.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(releaseStateRefusals);

export const refusal = refusalsOfTable(releaseStateRefusals);
