import * as z from "zod";
import { mapping } from "./fields.ts";

/** PostgreSQL cuts longer names off silently (NAMEDATALEN - 1). */
const longestName = 63;

/** A name in a database, as it is, without quotes; sentences name the rule. */
function name(what: string) {
  const error = ({ input }: { readonly input?: unknown }): string =>
    input === undefined ? `missing; give the ${what}'s name` : `is no ${what}'s name; use 1 to ${longestName} bytes`;
  return z
    .string({ error })
    .min(1, { error })
    .refine((value) => !value.includes("\0") && value.isWellFormed() && Buffer.byteLength(value) <= longestName, {
      error,
    });
}

const column = (description: string) => name("column").meta({ description });

/** A table of model versions in an existing database, such as a Django application's. */
export const existingTable = mapping(
  {
    schema: name("schema").meta({ description: "Schema of the table. Default: public." }).default("public"),
    table: name("table").meta({ description: "The table that holds the model versions." }),
    idColumn: column("Key of a model version: text, integer or UUID. Default: id.").default("id"),
    proxyColumn: column(
      "Column with the id of the version that answers in its place. Default: proxy_model_version_id.",
    ).default("proxy_model_version_id"),
    userColumn: column("Column that tells the user; without it, plans don't tell how many there are.").optional(),
    organizationColumn: column(
      "Column that tells the organization; without it, there are no shares of organizations.",
    ).optional(),
  },
  "write {table: oracles_oracleversion}",
  "Table of model versions in an existing database.",
);
