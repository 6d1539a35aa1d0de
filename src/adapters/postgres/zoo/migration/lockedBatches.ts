import type { ClientBase } from "pg";
import { sqlState } from "../../server.ts";
import { inTransaction } from "../../transaction.ts";
import type { BatchOptions, BatchRow, RowLocks, Statement } from "./statements.ts";

/** How long a statement waits for a lock, in milliseconds: one that moves rows as it locks them holds up whoever wants those. */
export const lockTimeouts = { moving: 50, others: 1_000 } as const;

/** Batches that lock their rows first, after one that met a locked row: such rows come together. */
const cautiousBatches = 20;

/** SQLSTATEs of a batch that met other sessions' locks, and moved nothing: lock_not_available, deadlock_detected. */
const metLocks = ["55P03", "40P01"];

/**
 * The batches of one pass over the rows. Where the pass locks nothing first (`none`) and meets a row that somebody else keeps
 * locked, that batch and the next ones leave such rows for later.
 */
export class LockedBatches {
  readonly #client: ClientBase;
  readonly #locks: RowLocks;
  readonly #statement: (options: BatchOptions) => Statement;
  readonly #verify: ((moved: readonly string[]) => Promise<void>) | undefined;
  #cautious = 0;
  #lockTimeout: number = lockTimeouts.others;

  /** @param verify - judges a batch before its transaction ends, which is its statement's own where there is nothing to judge */
  constructor(
    client: ClientBase,
    locks: RowLocks,
    statement: (options: BatchOptions) => Statement,
    verify?: (moved: readonly string[]) => Promise<void>,
  ) {
    this.#client = client;
    this.#verify = verify;
    this.#locks = locks;
    this.#statement = statement;
  }

  async run(options: Omit<BatchOptions, "locks">): Promise<BatchRow> {
    if (this.#locks !== "none") return this.#query({ ...options, locks: this.#locks });
    if (this.#cautious === 0) {
      await this.#setLockTimeout(lockTimeouts.moving);
      try {
        return await this.#query({ ...options, locks: "none" });
      } catch (error) {
        if (!metLocks.includes(sqlState(error) ?? "")) throw error;
        this.#cautious = cautiousBatches;
      }
    }
    await this.end();
    const row = await this.#query({ ...options, locks: "skip" });
    this.#cautious -= 1;
    return row;
  }

  /** One row, whoever has it locked: where it fails, it is known which row does. */
  async one(after: string | null): Promise<BatchRow> {
    await this.end();
    return this.#query({ after, limit: 1, locks: "wait" });
  }

  /** Leaves the session as the other statements need it. */
  end(): Promise<void> {
    return this.#setLockTimeout(lockTimeouts.others);
  }

  async #query(options: BatchOptions): Promise<BatchRow> {
    const { text, values } = this.#statement(options);
    const change = async () => (await this.#client.query<BatchRow>(text, [...values])).rows[0] as BatchRow;
    if (!this.#verify) return change();
    return inTransaction(this.#client, async () => {
      const row = await change();
      await this.#verify?.(row.moved);
      return row;
    });
  }

  async #setLockTimeout(ms: number): Promise<void> {
    if (this.#lockTimeout === ms) return;
    await this.#client.query(`SET lock_timeout = ${ms}`);
    this.#lockTimeout = ms;
  }
}
