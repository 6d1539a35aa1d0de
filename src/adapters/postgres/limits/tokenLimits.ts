import { platformDatabase } from "../../../domain/platformDatabase.ts";
import { type DatabaseServer, sqlState, withClient } from "../server.ts";

/** A limit of tokens that holds at the gateway. */
export interface TokenLimit {
  /** Such as `key AbCd1234` or `organization admin`. */
  readonly holder: string;
  /** Name of the one model that it is about; null for all of the platform's own. */
  readonly model: string | null;
}

/** Whose tokens are limited at the gateway; nobody's where the tables are older than limits. */
export async function readTokenLimits(server: DatabaseServer): Promise<readonly TokenLimit[]> {
  try {
    return await withClient(server, platformDatabase, async (client) => {
      const { rows } = await client.query<TokenLimit>("SELECT holder, model FROM menagerie.token_limits()");
      return rows;
    });
  } catch (error) {
    if (sqlState(error) === "42883") return [];
    throw error;
  }
}
