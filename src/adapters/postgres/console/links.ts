import { randomBytes } from "node:crypto";
import type { ClientBase } from "pg";
import { keyHash } from "../../../domain/access/apiKey.ts";
import type { KeyRole } from "../../../domain/access/roles.ts";
import { refuse } from "../refusals.ts";
import { sqlState } from "../server.ts";

/** Random bytes of a link's code. */
const codeBytes = 32;

/**
 * Makes a code that begins one session of the console within a minute, by `consolePath` of the domain.
 *
 * @param who - who it is for, by their own word: the audit has it with the login
 * @throws OperatorError where the platform's tables are older than this
 */
export async function makeConsoleLink(client: ClientBase, role: KeyRole, who: string): Promise<string> {
  const code = randomBytes(codeBytes).toString("base64url");
  try {
    await client.query("INSERT INTO menagerie.console_link (hash, role, who) VALUES ($1, $2, $3)", [
      keyHash(code),
      role,
      who,
    ]);
  } catch (error) {
    // No such table, or no such schema.
    if (sqlState(error) !== "42P01" && sqlState(error) !== "3F000") throw error;
    throw refuse("key.tables-older", undefined, error);
  }
  return code;
}
