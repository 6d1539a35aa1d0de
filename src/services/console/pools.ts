import pg from "pg";
import { clientConfig, type DatabaseServer } from "../../adapters/postgres/server.ts";
import { platformDatabase } from "../../domain/platformDatabase.ts";

/** The console's ways into the database. */
export interface ConsolePools {
  /** For pages: its transactions are read-only, and a statement takes 2 s at most. */
  readonly reads: pg.Pool;
  /** For sessions alone. */
  readonly sessions: pg.Pool;
  end(): Promise<void>;
}

/** How long a statement may take, in milliseconds: what people look at must not slow down what serves. */
export const statementTimeoutMs = 2_000;

/**
 * @param role - that a login acts as which is not the console's own
 * @param onError - told of connections that break while nobody uses them
 */
export function consolePools(
  server: DatabaseServer,
  onError: (error: Error) => void,
  role?: string | undefined,
): ConsolePools {
  const acting = role === undefined ? "" : ` -c role=${role}`;
  const pool = (max: number, options: string): pg.Pool => {
    const made = new pg.Pool({
      ...clientConfig(server, platformDatabase),
      max,
      // A server that does not answer at all; what is merely slow the statement's own limit ends.
      query_timeout: statementTimeoutMs + 1_000,
      options: `-c statement_timeout=${statementTimeoutMs} -c application_name=menagerie-console ${options}${acting}`,
    });
    made.on("error", onError);
    return made;
  };
  const reads = pool(6, "-c default_transaction_read_only=on");
  const sessions = pool(2, "");
  return {
    reads,
    sessions,
    end: async () => {
      await Promise.allSettled([reads.end(), sessions.end()]);
    },
  };
}
