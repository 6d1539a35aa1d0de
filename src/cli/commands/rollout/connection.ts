import { readFile } from "node:fs/promises";
import { Option } from "commander";
import { loadAll } from "js-yaml";
import type * as z from "zod";
import { serverFromUrl } from "../../../adapters/postgres/server.ts";
import type { MigrationConnection } from "../../../adapters/postgres/zoo/migration/target.ts";
import { existingTable } from "../../../config/migrationTarget.ts";
import { clauseIn } from "../../../config/schemaClause.ts";
import { messageOf } from "../../../domain/errors.ts";
import { operatorServer } from "../../operatorDatabase.ts";
import { refuse } from "./refusals.ts";

/** `--target FILE`, on every command that moves rows. */
export function targetOption(): Option {
  return new Option(
    "--target <file>",
    "stack file with menagerie:migrationTarget, or YAML that names a table of an existing database: schema, table, idColumn, proxyColumn, userColumn, " +
      "organizationColumn; the database is MENAGERIE_MIGRATION_DATABASE_URL",
  );
}

/** Where a command moves rows: in the table that `--target` names, else in the platform's tables. */
export async function migrationConnection(options: {
  readonly environment: string;
  readonly target?: string;
}): Promise<MigrationConnection> {
  if (options.target === undefined) return { server: await operatorServer(options.environment) };
  const variable = "MENAGERIE_MIGRATION_DATABASE_URL";
  const url = process.env[variable];
  if (!url) throw refuse("target.url-not-set", { variable });
  return { server: serverFromUrl(url, variable), existing: await readTable(options.target) };
}

/** A stack's file names the table as well. */
function tableIn(content: unknown): unknown {
  const { config } = (content ?? {}) as { config?: Readonly<Record<string, unknown>> };
  const declared = config?.["menagerie:migrationTarget"];
  if (typeof declared !== "object" || declared === null) return content;
  const { databaseUrl: _, ...columns } = declared as Record<string, unknown>;
  return columns;
}

async function readTable(file: string) {
  let content: unknown;
  try {
    [content] = loadAll(await readFile(file, "utf8"));
  } catch (error) {
    throw refuse("target.file-unreadable", { file, reason: messageOf(error) }, error);
  }
  const result = existingTable.safeParse(tableIn(content), { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw refuse("target.file-wrong", { file, problem: problemOf(issue) });
}

function problemOf(issue: z.core.$ZodIssue | undefined): string {
  // The message of an unknown key is the list of known ones: see `mapping` in src/config/fields.ts.
  if (issue?.code === "unrecognized_keys")
    return `unknown key ${issue.keys.join(", ")}; known keys are ${issue.message.split(" ").join(", ")}`;
  const { problem, fix } = clauseIn(issue?.message ?? "");
  return [issue?.path.join("."), [problem, fix].filter(Boolean).join("; ")].filter(Boolean).join(": ");
}
