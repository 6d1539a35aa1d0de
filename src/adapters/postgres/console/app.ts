import type { ClientBase, Pool } from "pg";
import type { AppMove } from "../../../domain/console/appMoves.ts";
import { readAppMoves } from "../appMoves.ts";
import { type ListedApp, listApps } from "../apps.ts";
import { refuse } from "../refusals.ts";

/** An app with how its pointer came where it is. */
export interface AppWithMoves {
  readonly app: ListedApp;
  readonly moves: readonly AppMove[];
}

/** Undefined if no app of that organization has this id. */
export async function readApp(
  client: Pick<ClientBase | Pool, "query">,
  question: { readonly id: string; readonly organizationId?: string | undefined },
): Promise<AppWithMoves | undefined> {
  const [app] = await listApps(client, question);
  return app && { app, moves: await readAppMoves(client, app.id) };
}

/** @throws OperatorError where no app has this id */
export async function requireApp(client: Pick<ClientBase | Pool, "query">, id: string): Promise<AppWithMoves> {
  const found = await readApp(client, { id });
  if (!found) throw refuse("app.not-found", { id });
  return found;
}
