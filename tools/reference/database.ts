import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { platformRights } from "../../src/adapters/postgres/rights/files.ts";
import { project } from "./declarations.ts";
import { code, generated, page, prose, table } from "./markdown.ts";

const migrations = "src/adapters/postgres/migrations";
const rights = "src/adapters/postgres/rights";

/** A table or view of schema `menagerie`, as the migrations that make it say. */
export interface PlatformTable {
  readonly name: string;
  readonly kind: "table" | "view";
  /** The migration that made it first. */
  readonly madeBy: string;
  /** Its last comment; empty where it has none. */
  readonly about: string;
}

/** By name. */
export function platformTables(): PlatformTable[] {
  const tables = new Map<string, PlatformTable>();
  for (const file of globSync(`${migrations}/*.sql`, { cwd: project }).sort()) {
    const [up = ""] = readFileSync(join(project, file), "utf8").split("-- Down Migration");
    for (const [, verb = "", kind = "", names = ""] of up.matchAll(statement)) {
      for (const name of names.match(/(?<=menagerie\.)\w+/g) ?? []) {
        if (verb.startsWith("DROP")) tables.delete(name);
        else if (!tables.has(name)) {
          tables.set(name, {
            name,
            kind: kind === "VIEW" ? "view" : "table",
            madeBy: basename(file, ".sql"),
            about: "",
          });
        }
      }
    }
    for (const [, name = "", about = ""] of up.matchAll(comment)) {
      const known = tables.get(name);
      if (known) tables.set(name, { ...known, about: about.replaceAll("''", "'").replaceAll(/'\s*\n\s*'/g, "") });
    }
  }
  return [...tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Tables that the migrations say nothing of. A migration that has run is never edited, so it stands here. */
export const uncommented: Readonly<Record<string, string>> = {
  api_key: "API keys: the hash of each, what it opens, and its limits.",
  app_user: "Users, who own apps.",
  deployment: "Every attempt to deploy a combination: the intent, written before anything changes. Insert-only.",
  deployment_outcome: "How each attempt ended. Insert-only.",
  model_version: "Versions of models. Those of apps point at the zoo version that answers for them.",
  release_pipeline: "Runs of the pipelines that build the state of a release.",
  release_schema: "States of releases: the schema of each, what it was seeded from, and how far that is.",
  release_table: "Tables of each state, with the rule that each is seeded by.",
};

const statement = /^(CREATE(?: OR REPLACE)?|DROP) (TABLE|VIEW) (menagerie\.\w+(?:, menagerie\.\w+)*)/gm;
const comment = /^COMMENT ON (?:TABLE|VIEW) menagerie\.(\w+) IS\s+'((?:[^']|'')*(?:'\s*\n\s*'(?:[^']|'')*)*)';/gm;

/** docs/reference/database.md: the platform's tables and who may do what in them. */
export async function databasePage(): Promise<string> {
  const roles = Object.entries(await platformRights()).sort(([a], [b]) => (a < b ? -1 : 1));
  return page(
    "# Tables and roles",
    "Database `menagerie`, schema `menagerie`. Role `menagerie_owner` owns everything and cannot log in. Every other role has exactly the rights below, which each `up` puts in place in one transaction; [the database](../database.md#rights) says how. Recorded predictions and states of releases have schemas and roles of their own: [recorder](../recorder.md), [state](../state.md).",
    generated(`\`${migrations}\` and \`${rights}\``),
    "## Tables",
    "The last migration that touches a table has its columns; `\\d menagerie.<table>` in `psql` shows them.",
    table(
      ["Name", "Kind", "Made by", "Meaning"],
      platformTables().map(({ name, kind, madeBy, about }) => [
        code(name),
        kind,
        `[${madeBy}](../../${migrations}/${madeBy}.sql)`,
        prose(about || (uncommented[name] ?? "")),
      ]),
    ),
    "## Roles",
    ...roles.flatMap(([role, objects]) => [
      `### ${role}`,
      prose(aboutRole(role)),
      table(
        ["Object", "Rights"],
        Object.entries(objects).map(([object, privileges]) => [code(object), privileges]),
      ),
      `File: [${role}.sql](../../${rights}/${role}.sql)`,
    ]),
  );
}

/** What a role's file begins with. */
function aboutRole(role: string): string {
  const lines = readFileSync(join(project, rights, `${role}.sql`), "utf8").split("\n");
  const first = lines.findIndex((line) => !line.startsWith("--"));
  return lines
    .slice(0, first)
    .map((line) => line.replace(/^--\s?/, ""))
    .join(" ");
}
