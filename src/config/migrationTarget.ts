import * as z from "zod";
import { identifierIssue } from "../domain/generatedNames.ts";
import { mapping } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

/** A name in a database, as it is, without quotes; sentences name the rule. */
function name(what: string) {
  const error = ({ input }: { readonly input?: unknown }): string => {
    if (input === undefined) return wrong("missing", `give the ${what}'s name`);
    const { problem, fix } = identifierIssue(input) ?? { problem: "cannot be read", fix: "" };
    return wrong(`is not the name of a ${what}: it ${problem}`, fix);
  };
  return z
    .string({ error })
    .min(1, { error })
    .refine((value) => identifierIssue(value) === undefined, { error });
}

const column = (description: string) => name("column").meta({ description });

const columns = {
  schema: name("schema").meta({ description: "Schema of the table. Default: public." }).default("public"),
  table: name("table").meta({ description: "The table that holds the model versions." }),
  idColumn: column("Key of a model version: text, integer or UUID. Default: id.").default("id"),
  proxyColumn: column(
    "Column with the id of the version that answers in its place. Default: proxy_model_version_id.",
  ).default("proxy_model_version_id"),
  userColumn: column("Column with the user. Default: none, plans do not say how many users there are.").optional(),
  organizationColumn: column(
    "Column with the organization. Default: none, apps cannot be moved by a share of organizations.",
  ).optional(),
};
const example = "write {table: oracles_oracleversion}";

/** A table of model versions in an existing database, such as a Django application's. */
export const existingTable = mapping(columns, example, "Table of model versions in an existing database.");

/** Command that sets the url of the existing database. */
export const setTargetUrlCommand = "pulumi config set --secret --path menagerie:migrationTarget.databaseUrl";

/** Command that sets the url by which the guard reaches it. */
export const setGuardUrlCommand = "pulumi config set --secret --path menagerie:migrationTarget.guardUrl";

/** Sentences about it never show the value. */
function secretUrl(command: string, description: string) {
  return z
    .string({ error: wrong("is not text", `set it with \`${command}\``) })
    .min(1, { error: wrong("is empty", `set it with \`${command}\``) })
    .meta({ description, type: ["string", "object"] })
    .optional();
}
const databaseUrl = secretUrl(
  setTargetUrlCommand,
  "Url of the database, as postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, encrypted by `pulumi config set --secret --path`. Default: the environment variable MENAGERIE_MIGRATION_DATABASE_URL, which wins.",
);
const guardUrl = secretUrl(
  setGuardUrlCommand,
  "Url of the same database by a login of the guard's own, as pods reach it, encrypted by `pulumi config set --secret --path`: by it the guard takes apps back whose rollout is judged bad. It needs no right but to connect; `up` grants it one function. Default: none, and apps there are not taken back automatically.",
);

/** Where the apps are that rollouts move, beside those in the platform's tables. */
export const migrationTarget = mapping(
  { databaseUrl, guardUrl, ...columns },
  example,
  "Table of model versions in an existing database, such as a Django application's: rollouts move its apps too, by the ids under `apps` of each model. Default: none, apps are in the platform's tables.",
).optional();

/** Id of a version in that table. */
function targetId(which: string) {
  const error = wrong("is not a version's id", `give that of the ${which} version in the table, in quotes`);
  return z
    .union([z.string(), z.number()], { error })
    .transform(String)
    .refine((id) => /^[^\0]{1,255}$/.test(id), { error })
    .meta({ description: `Id of the ${which} version in the table of menagerie:migrationTarget.` });
}

/** One pair of the map of old to new versions in the target's table. */
export const targetApps = mapping(
  { from: targetId("old"), to: targetId("new") },
  "write {from: <old id>, to: <new id>}",
  "The rollout's two versions in the table of menagerie:migrationTarget; needed from phase forward on, and for nothing else.",
).optional();
