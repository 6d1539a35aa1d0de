import { createHash, randomBytes } from "node:crypto";
import type { Pool } from "pg";
import { keyHash, keyPrefix } from "../../../domain/access/apiKey.ts";
import type { KeyRole } from "../../../domain/access/roles.ts";
import type { SessionProof, Sessions } from "../../../domain/console/ports.ts";

/** Random bytes of a session's id. */
const idBytes = 32;

/** @param pool - of the console's login; it writes */
export function databaseSessions(pool: Pool): Sessions {
  /** Id of a session that one of the database's functions began, whose last value is its hash; undefined where it began none. */
  async function begun(call: string, shown: readonly unknown[], browser: string): Promise<string | undefined> {
    const id = randomBytes(idBytes).toString("base64url");
    const { rows } = await pool.query<{ begun: boolean }>(`SELECT menagerie.${call} AS begun`, [
      ...shown,
      proofHash({ id, browser }),
    ]);
    return rows[0]?.begun ? id : undefined;
  }
  return {
    begin: async (key, browser) => {
      const prefix = keyPrefix(key);
      return prefix === undefined ? undefined : begun("console_begin($1, $2, $3)", [prefix, keyHash(key)], browser);
    },
    enter: (code, browser) => begun("console_enter($1, $2)", [keyHash(code)], browser),
    async viewer(proof, isUsed) {
      const { rows } = await pool.query<{
        who: string;
        role: KeyRole;
        organizationId: string | null;
        organization: string | null;
      }>(`SELECT who, role, organization_id AS "organizationId", organization FROM menagerie.console_viewer($1, $2)`, [
        proofHash(proof),
        isUsed,
      ]);
      const [row] = rows;
      if (!row) return undefined;
      const { who, role, organizationId, organization } = row;
      return {
        who,
        role,
        organization: organizationId === null ? null : { id: organizationId, name: organization ?? "" },
      };
    },
    async noteBodies(proof, shown) {
      const { rows } = await pool.query<{ may: boolean }>("SELECT menagerie.console_shows_bodies($1, $2) AS may", [
        proofHash(proof),
        JSON.stringify(shown),
      ]);
      return rows[0]?.may ?? false;
    },
    async end(proof) {
      await pool.query("SELECT menagerie.console_end($1)", [proofHash(proof)]);
    },
  };
}

/** What is stored of a session. Its id is random, so that nothing else can have the same hash. */
export function proofHash({ id, browser }: SessionProof): Buffer {
  return createHash("sha256").update(`${id} ${browser}`).digest();
}
