import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** One of several replicas does `work`; see {@link lead}. */
export interface Leadership {
  readonly connection: pg.ClientConfig;
  /** Names the lock. */
  readonly name: string;
  /** Runs while this process leads; ends soon after its signal aborts. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Until a replica that does not lead asks again, in milliseconds. */
const askAgain = 5_000;

/**
 * Runs `work` in whichever process holds an advisory lock of the database, until `signal` aborts. The lock is the
 * connection's: a process that dies, or loses the database, loses it with the connection, and `work` is told to end.
 */
export async function lead({ connection, name, work, onError, signal }: Leadership): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client(connection);
    const lost = new AbortController();
    client.on("error", () => lost.abort());
    client.on("end", () => lost.abort());
    try {
      await client.connect();
      const { rows } = await client.query<{ leads: boolean }>(
        "SELECT pg_try_advisory_lock(hashtextextended('menagerie leader', hashtext($1)::bigint)) AS leads",
        [name],
      );
      if (rows[0]?.leads) await work(AbortSignal.any([signal, lost.signal]));
    } catch (error) {
      if (!signal.aborted) onError(error);
    } finally {
      await client.end().catch(() => {});
    }
    await delay(askAgain, undefined, { signal }).catch(() => {});
  }
}
