import type { ClientBase, Pool } from "pg";
import {
  answered,
  confirmStop,
  failed,
  firstRecord,
  markStopping,
  type SleepAnswer,
  type SleepLease,
  type SleepRecord,
  type SleepRules,
  type SleepUse,
  use,
} from "../../../domain/sleep/record.ts";
import { inPooledTransaction } from "../transaction.ts";

/** What a stop is asked with. */
export interface StopRequest {
  readonly idleSeconds: number;
  /** Second of the database's clock since which leases could be renewed, as far as the one that asks knows. */
  readonly quietSince: number;
}

/** Keeps who uses versions that sleep, for many processes at once. Every time is the database's. */
export interface SleepStore {
  use(service: string, use: SleepUse): Promise<SleepAnswer>;
  /** Resolves if the database answers, whoever has rows locked. */
  hear(): Promise<void>;
  /** Gives a lease back. @param idleSeconds - since the holder used the version last */
  release(service: string, holder: string, idleSeconds: number): Promise<void>;
  answered(service: string): Promise<void>;
  failed(service: string, reason: string): Promise<void>;
  /** What versions that nobody uses are judged by. */
  candidates(services: readonly string[]): Promise<SleepOverview>;
  /** Marks a version as one to be stopped; answers the number to confirm it by, undefined where it is used. */
  markStopping(service: string, request: StopRequest): Promise<number | undefined>;
  /** Whether the version sleeps now: nothing has come since the mark. */
  confirmStop(service: string, generation: number, request: StopRequest): Promise<boolean>;
  /**
   * Runs `tell` while nobody can wake the version, if it still sleeps by that number; answers whether it did.
   *
   * @param tell - gets the moment, of `performance.now()`, from which on the version is kept asleep for 6 s at least
   */
  whileAsleep(
    service: string,
    generation: number | undefined,
    tell: (since: number) => Promise<void>,
  ): Promise<boolean>;
  /** Forgets a version that does not sleep any more. */
  remove(service: string): Promise<void>;
  /** Forgets versions that are not there and were not used for a day, and leases of processes that are long gone. */
  forget(services: readonly string[]): Promise<void>;
}

/** Versions that may be stopped, and the second in which that was read. */
export interface SleepOverview {
  readonly now: number;
  readonly records: ReadonlyMap<string, Pick<SleepRecord, "phase" | "usedAt" | "since">>;
}

interface Row {
  readonly phase: SleepRecord["phase"];
  readonly generation: string;
  readonly used_at: number;
  readonly since: number;
  readonly waker: string | null;
  readonly waker_until: number | null;
  readonly failure: string | null;
  readonly failed_at: number | null;
  readonly wakes: string;
  readonly failures: string;
  readonly slept: number;
}

const seconds = (column: string): string => `extract(epoch FROM ${column})::float8 AS ${column}`;
const columns = `phase, generation, ${seconds("used_at")}, ${seconds("since")}, waker, ${seconds("waker_until")},
  failure, ${seconds("failed_at")}, wakes, failures, slept_seconds AS slept`;

/** A version's row and its leases, locked: who else wants to change them waits. */
interface Locked {
  readonly record: SleepRecord;
  readonly leases: readonly SleepLease[];
  readonly now: number;
  /** When the row was surely locked, by the process's clock that is never set, in milliseconds: the database has answered since. */
  readonly since: number;
}

/**
 * A process that stands still, or whose machine is gone, keeps a row locked for so long, in milliseconds; longer where it tells the cluster
 * meanwhile, which it does for 4 s at most.
 */
const stalledMs = { asking: 2_000, telling: 6_000 };

export function createSleepStore(pool: Pool, rules: SleepRules): SleepStore {
  const locked = <T>(
    service: string,
    work: (client: ClientBase, found: Locked) => Promise<T>,
    within = stalledMs.asking,
  ): Promise<T> =>
    inPooledTransaction(pool, async (client) => {
      await client.query(`SET LOCAL idle_in_transaction_session_timeout = ${within}`);
      const found = (await lock(client, service)) ?? (await first(client, service));
      return work(client, found);
    });
  return {
    use: (service, asked) =>
      locked(service, async (client, { record, leases, now }) => {
        const used = use(record, asked, { leases, now, rules });
        await write(client, service, used.record);
        if (used.lease) await writeLease(client, service, used.lease);
        return used.answer;
      }),
    release: async (service, holder, idleSeconds) => {
      await pool.query(
        `WITH used AS (
           UPDATE menagerie.sleep_state SET used_at = greatest(used_at, clock_timestamp() - make_interval(secs => $3))
            WHERE service = $1)
         DELETE FROM menagerie.sleep_lease WHERE service = $1 AND holder = $2`,
        [service, holder, idleSeconds],
      );
    },
    answered: (service) => locked(service, (client, { record, now }) => write(client, service, answered(record, now))),
    failed: (service, reason) =>
      locked(service, (client, { record, now }) => write(client, service, failed(record, reason, now))),
    candidates: async (services) => {
      const { rows } = await pool.query<Row & { service: string | null; now: number }>(
        `SELECT extract(epoch FROM clock_timestamp())::float8 AS now, s.service, ${columns}
           FROM (SELECT) one LEFT JOIN menagerie.sleep_state s ON s.service = ANY ($1)`,
        [services],
      );
      const records = rows.flatMap((row) => (row.service === null ? [] : [[row.service, recordOf(row)] as const]));
      return { now: rows[0]?.now ?? 0, records: new Map(records) };
    },
    markStopping: (service, request) =>
      locked(service, async (client, { record, ...found }) => {
        const marked = markStopping(record, { ...found, ...request, rules });
        if (marked) await write(client, service, marked);
        return marked?.generation;
      }),
    confirmStop: (service, generation, request) =>
      locked(service, async (client, { record, ...found }) => {
        const asleep = confirmStop(record, generation, { ...found, ...request, rules });
        if (asleep) await write(client, service, asleep);
        return asleep !== undefined;
      }),
    whileAsleep: (service, generation, tell) =>
      locked(
        service,
        async (_, { record, since }) => {
          if (record.phase !== "asleep" || (generation !== undefined && record.generation !== generation)) return false;
          await tell(since);
          return true;
        },
        stalledMs.telling,
      ),
    hear: async () => {
      await pool.query("SELECT");
    },
    remove: async (service) => {
      await pool.query("DELETE FROM menagerie.sleep_state WHERE service = $1", [service]);
    },
    forget: async (services) => {
      await pool.query(
        "DELETE FROM menagerie.sleep_state WHERE service <> ALL ($1) AND used_at < now() - interval '1 day'",
        [services],
      );
      await pool.query("DELETE FROM menagerie.sleep_lease WHERE until < now() - interval '1 hour'");
    },
  };
}

async function lock(client: ClientBase, service: string): Promise<Locked | undefined> {
  const { rows } = await client.query<Row>(
    `SELECT ${columns} FROM menagerie.sleep_state WHERE service = $1 FOR UPDATE`,
    [service],
  );
  const [row] = rows;
  if (!row) return undefined;
  const since = performance.now();
  // Read after the lock: what others stored before they gave it back, and the time it is then.
  const leases = await client.query<{ holder: string | null; until: number; held: number; now: number }>(
    `SELECT extract(epoch FROM clock_timestamp())::float8 AS now, l.holder, ${seconds("until")}, l.held
       FROM (SELECT) one LEFT JOIN menagerie.sleep_lease l ON l.service = $1`,
    [service],
  );
  return {
    record: recordOf(row),
    leases: leases.rows.flatMap(({ holder, until, held }) => (holder === null ? [] : [{ holder, until, held }])),
    now: leases.rows[0]?.now ?? 0,
    since,
  };
}

/** A version that nobody has used yet. */
async function first(client: ClientBase, service: string): Promise<Locked> {
  const { phase, generation } = firstRecord(0);
  await client.query(
    `INSERT INTO menagerie.sleep_state (service, phase, generation, used_at, since)
     VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp()) ON CONFLICT (service) DO NOTHING`,
    [service, phase, generation],
  );
  const found = await lock(client, service);
  if (!found) throw new Error(`sleep_state lost its row of ${service}`);
  return found;
}

function recordOf(row: Row): SleepRecord {
  return {
    phase: row.phase,
    generation: Number(row.generation),
    usedAt: row.used_at,
    since: row.since,
    waker: row.waker === null ? null : { holder: row.waker, until: row.waker_until ?? 0 },
    failure: row.failure === null ? null : { reason: row.failure, at: row.failed_at ?? 0 },
    wakes: Number(row.wakes),
    failures: Number(row.failures),
    slept: row.slept,
  };
}

async function write(client: ClientBase, service: string, record: SleepRecord): Promise<void> {
  const { phase, generation, usedAt, since, waker, failure, wakes, failures, slept } = record;
  await client.query(
    `UPDATE menagerie.sleep_state
        SET phase = $2, generation = $3, used_at = to_timestamp($4), since = to_timestamp($5), waker = $6,
            waker_until = to_timestamp($7), failure = $8, failed_at = to_timestamp($9), wakes = $10, failures = $11,
            slept_seconds = $12
      WHERE service = $1`,
    [
      ...[service, phase, generation, usedAt, since, waker?.holder ?? null, waker?.until ?? null],
      ...[failure?.reason ?? null, failure?.at ?? null, wakes, failures, slept],
    ],
  );
}

async function writeLease(client: ClientBase, service: string, { holder, until, held }: SleepLease): Promise<void> {
  await client.query(
    `INSERT INTO menagerie.sleep_lease (service, holder, until, held) VALUES ($1, $2, to_timestamp($3), $4)
     ON CONFLICT (service, holder) DO UPDATE SET until = excluded.until, held = excluded.held`,
    [service, holder, until, held],
  );
}
