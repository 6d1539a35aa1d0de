import { hostname } from "node:os";
import type { Client } from "pg";
import { type DatabaseServer, serverFromUrl, withClient } from "../adapters/postgres/server.ts";
import { actAs } from "../adapters/postgres/transaction.ts";
import { platformDatabase, roles } from "../domain/platformDatabase.ts";
import { environmentLayout } from "../local/layout.ts";
import { readTarget } from "../local/target.ts";
import { refuse } from "./refusals.ts";

const variable = "MENAGERIE_DATABASE_URL";

/**
 * Works in the platform's tables with the operator's own credentials, as role {@link roles.operator}: the API service
 * answers the world and can only read, so that nobody who gets hold of it can make keys.
 *
 * The database is that of `MENAGERIE_DATABASE_URL` where it is set, such as for staging and prod, else that of the
 * embedded environment.
 */
export function asOperator<T>(environment: string, work: (client: Client) => Promise<T>): Promise<T> {
  return asRole(environment, roles.operator, work);
}

/** The same as role {@link roles.reader}, for what only reads: it may see which apps were moved too. */
export function asReader<T>(environment: string, work: (client: Client) => Promise<T>): Promise<T> {
  return asRole(environment, roles.reader, work);
}

async function asRole<T>(environment: string, role: string, work: (client: Client) => Promise<T>): Promise<T> {
  return withClient(await operatorServer(environment), platformDatabase, async (client) => {
    await actAs(client, role);
    return work(client);
  });
}

/** For a stack of the user's own engine: no environment stands in for its database. */
export function requireOperatorDatabase(stack: string): void {
  if (!process.env[variable]) throw refuse("database.of-stack-unknown", { variable, stack });
}

/** The server of {@link asOperator}, with the operator's own login, for work that is done in another role. */
export async function operatorServer(environment: string): Promise<DatabaseServer> {
  const url = process.env[variable] ?? (await readTarget(environmentLayout(environment)))?.databaseServer?.url;
  if (!url) {
    throw refuse("database.unknown", { variable, environment });
  }
  return serverFromUrl(url, variable);
}

/** Who runs this command, by their own word, for the audit: which login of the database they have is known without it. */
export function operatorName(): string {
  const { USER, LOGNAME } = process.env;
  return `${USER ?? LOGNAME ?? `uid ${process.getuid?.() ?? "unknown"}`}@${hostname()}`;
}
