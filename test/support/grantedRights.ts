import { type DatabaseServer, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";

/**
 * Every right in the platform's database as PostgreSQL itself says it, one line for each entry of an access control list, such as
 * `menagerie.model: menagerie_api=r/menagerie_owner`. Those of the owners, whom nobody grants anything, are left out.
 */
export function grantedRights(server: DatabaseServer): Promise<string[]> {
  return withClient(server, platformDatabase, async (client) => {
    const { rows } = await client.query<{ line: string }>(
      `SELECT format('%s: %s', object, entry) AS line
         FROM (SELECT 'database' AS object, datacl AS acl, datdba AS owner FROM pg_database WHERE datname = current_database()
               UNION ALL SELECT 'schema ' || nspname, nspacl, nspowner FROM pg_namespace
               UNION ALL SELECT n.nspname || '.' || relname, relacl, relowner
                           FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
               UNION ALL SELECT n.nspname || '.' || relname || '.' || attname, attacl, relowner
                           FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
               UNION ALL SELECT n.nspname || '.' || proname, proacl, proowner
                           FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace) AS objects
         CROSS JOIN unnest(acl) AS entry
        WHERE object !~ '^(schema )?(pg_|information_schema|public)' AND entry::text NOT LIKE pg_get_userbyid(owner) || '=%'
        ORDER BY 1`,
    );
    return rows.map(({ line }) => line);
  });
}
