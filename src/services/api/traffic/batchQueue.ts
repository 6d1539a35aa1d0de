import type { TrafficBatch } from "../../../adapters/postgres/traffic/storeBatch.ts";

export interface QueueOptions {
  /** Stores a batch, as `storeBatch` does; what throws is tried again. */
  readonly store: (batch: TrafficBatch) => Promise<boolean>;
  /** Told of seconds that are given up: they are missing from then on. */
  readonly onLost: (batch: TrafficBatch) => void;
  /** What the database has not taken is kept for so long, in seconds. @default 600 */
  readonly keptSeconds?: number;
  /** And no more than so many counts. @default 100_000 */
  readonly keptRows?: number;
}

/** Batches of one source, in order, until the database has them. */
export function batchQueue({ store, onLost, keptSeconds = 600, keptRows = 100_000 }: QueueOptions) {
  let waiting: TrafficBatch[] = [];
  /** The first may be stored already, though nobody heard of it: it is sent again as it was. */
  let isTried = false;
  const rowsOf = ({ counts, timed }: TrafficBatch) => counts.length + timed.length;

  const prune = (): void => {
    const newest = waiting.at(-1)?.observed.until ?? 0;
    let rows = waiting.reduce((sum, batch) => sum + rowsOf(batch), 0);
    while (waiting.length > 1) {
      const [oldest] = waiting;
      if (!oldest || (oldest.observed.since >= newest - keptSeconds && rows <= keptRows)) return;
      rows -= rowsOf(oldest);
      waiting.shift();
      isTried = false;
      onLost(oldest);
    }
  };

  return {
    add(batch: TrafficBatch): void {
      if (batch.observed.until <= batch.observed.since) return;
      waiting.push(batch);
      prune();
    },
    /** Stores what waits; throws when the database does not take it, which keeps it. */
    async send(): Promise<void> {
      while (waiting.length > 0) {
        if (!isTried) waiting = joined(waiting);
        const [first] = waiting;
        if (!first) return;
        isTried = true;
        await store(first);
        // While it was stored, it may have been given up.
        if (waiting[0] === first) waiting.shift();
        isTried = false;
      }
    },
    waiting: (): readonly TrafficBatch[] => waiting,
  };
}

export type BatchQueue = ReturnType<typeof batchQueue>;

/** Batches that follow each other as one, so that a database that was away is caught up with in a few statements. */
function joined(batches: readonly TrafficBatch[]): TrafficBatch[] {
  const all: TrafficBatch[] = [];
  for (const batch of batches) {
    const last = all.at(-1);
    const follows = last && last.observed.until === batch.observed.since && last.tellsEnds === batch.tellsEnds;
    const fits = follows && last.counts.length < mostAtOnce;
    if (!last || !fits) {
      all.push(batch);
      continue;
    }
    all[all.length - 1] = {
      observed: { since: last.observed.since, until: batch.observed.until },
      tellsEnds: last.tellsEnds,
      counts: last.counts.concat(batch.counts),
      timed: last.timed.concat(batch.timed),
    };
  }
  return all;
}

/** Counts of one statement: some seconds' worth of a large stack. */
const mostAtOnce = 5_000;
