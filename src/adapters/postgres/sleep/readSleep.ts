import type { ClientBase, Pool } from "pg";

/** How a version that may sleep stands. */
export interface SleepStanding {
  /** Name of its InferenceService. */
  readonly service: string;
  readonly isAsleep: boolean;
  /** How often it was woken, how often it did not start, and how long it has slept. */
  readonly wakes: number;
  readonly failures: number;
  readonly asleepSeconds: number;
}

/** Every version that may sleep, by name. */
export async function readSleep(client: Pick<ClientBase | Pool, "query">): Promise<SleepStanding[]> {
  const { rows } = await client.query<SleepStanding>(
    `SELECT service, phase = 'asleep' AS "isAsleep", wakes::float8, failures::float8,
            slept_seconds + CASE WHEN phase = 'asleep' THEN extract(epoch FROM clock_timestamp() - since) ELSE 0 END::float8
              AS "asleepSeconds"
       FROM menagerie.sleep_state ORDER BY service`,
  );
  return rows;
}
