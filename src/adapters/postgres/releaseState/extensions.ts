import type { ClientBase } from "pg";
import { messageOf } from "../../../domain/errors.ts";
import { quoteIdentifier } from "../identifier.ts";
import { refuse } from "./refusals.ts";

/**
 * Makes extensions that are missing, in `public`, for all releases. As the login itself: most need more than the owner of states
 * may do.
 * @throws OperatorError for one that the server does not have, or the login may not make.
 */
export async function ensureExtensions(client: ClientBase, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { rowCount } = await client.query("SELECT FROM pg_extension WHERE extname = $1", [name]);
    if (rowCount !== 0) continue;
    try {
      await client.query(`CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)} WITH SCHEMA public`);
    } catch (error) {
      throw refuse("state.extension-not-made", { name: JSON.stringify(name), reason: messageOf(error) }, error);
    }
  }
}

/** Extensions in `public`, which states may use. */
export async function extensionsInUse(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT extname AS name FROM pg_extension WHERE extnamespace = 'public'::regnamespace ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}
