import type { LimitKind } from "./limits.ts";
import { type Window, windowAfter } from "./window.ts";

/** What the database answers to somebody who asks for a part of a limit. */
export interface Grant {
  /** When the window began, in milliseconds since 1970. */
  readonly since: number;
  /** How long it still lasts, in milliseconds. */
  readonly leftMs: number;
  /** Zero where less is left than what is needed. */
  readonly granted: number;
  /** What all processes have taken of this window together. */
  readonly taken: number;
}

/** What a process has used of a window beyond what it was granted, or, below zero, gives back. */
export interface Adjustment {
  readonly since: number;
  readonly amount: number;
}

/** For so long nobody asks again after an answer that too little is left, in milliseconds: others may give some back. */
const askedAgainMs = 200;

/**
 * After an edit of a limit was seen, somebody may still see the earlier one for so long, in milliseconds: what is known of keys and of each
 * app is read anew twice a second, each by itself.
 */
const editedMs = 600;

/**
 * One limit as one process keeps to it. The process uses what the database granted it, in blocks, so that all processes together use no
 * more than the limit. What it reserves counts as used; what was reserved and not needed is used again. All times are of the
 * process's monotonic clock.
 */
export class Meter {
  readonly kind: LimitKind;
  #limit: number;
  #window: Window;
  /** Whether the database has answered about this very window. */
  #isKnown = false;
  /** Granted, and not used. */
  #left = 0;
  /** What nobody was granted, as far as this process knows. */
  #free: number;
  #owed = 0;
  #usedLately = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #usedAt = Number.NEGATIVE_INFINITY;
  #editedAt = Number.NEGATIVE_INFINITY;

  /** @param window - the current one, as estimated before the database says it */
  constructor(kind: LimitKind, limit: number, window: Window) {
    this.kind = kind;
    this.#limit = limit;
    this.#free = limit;
    this.#window = window;
  }

  get limit(): number {
    return this.#limit;
  }

  get window(): Window {
    return this.#window;
  }

  /** What may still be used in the window, as far as this process knows. */
  get remaining(): number {
    return Math.max(0, this.#left + this.#free);
  }

  /** Comes to the window of `now`, and to the limit as somebody sees it now. */
  at(now: number, limit: number): void {
    if (now >= this.#window.endsAt) this.#begin(windowAfter(this.kind, this.#window, now));
    if (limit === this.#limit || now - this.#editedAt < editedMs) return;
    this.#editedAt = now;
    this.#free += limit - this.#limit;
    this.#limit = limit;
    // Granted under another limit: asking again is what makes an edit hold at once.
    this.#owed -= this.#left;
    this.#left = 0;
    this.#answeredAt = Number.NEGATIVE_INFINITY;
  }

  /** How much the process itself lacks of an amount; zero where it has enough. */
  lacks(amount: number): number {
    return Math.max(0, amount - this.#left);
  }

  /** Whether the database said a moment ago that less is left. */
  isSpent(amount: number, now: number): boolean {
    return now - this.#answeredAt < askedAgainMs && this.#free < this.lacks(amount);
  }

  use(amount: number, now: number): void {
    this.#left -= amount;
    this.#usedLately += amount;
    this.#usedAt = now;
  }

  /** @param asked - the limit that the question named, and when it was sent: the window ends no earlier than counted from there */
  granted(
    { since, leftMs, granted, taken }: Grant,
    asked: { readonly limit: number; readonly at: number },
    now: number,
  ): void {
    const window = { since, endsAt: asked.at + leftMs };
    if (since === this.#window.since) {
      this.#window = { since, endsAt: this.#isKnown ? Math.max(this.#window.endsAt, window.endsAt) : window.endsAt };
    } else if (since > this.#window.since || (!this.#isKnown && this.#owed === 0)) this.#begin(window);
    else return;
    this.#isKnown = true;
    const isOfThisLimit = asked.limit === this.#limit;
    const paid = isOfThisLimit ? Math.max(0, Math.min(this.#owed, granted)) : granted;
    this.#owed -= paid;
    this.#left += granted - paid;
    this.#free = this.#limit - taken;
    if (!isOfThisLimit) return;
    this.#answeredAt = now;
  }

  /** Whether the last known remainder is enough, while the database is away. */
  canLend(amount: number): boolean {
    return this.remaining >= amount;
  }

  /** Uses what the database will be told of when it is back. */
  lend(amount: number, now: number): void {
    const own = Math.min(this.#left, amount);
    this.use(own, now);
    this.#owed += amount - own;
    this.#free -= amount - own;
    this.#usedAt = now;
  }

  /** Something that was reserved in the window `since` took another amount. */
  settle(since: number, reserved: number, used: number): void {
    if (since !== this.#window.since) return;
    const more = used - reserved;
    const own = Math.min(this.#left, Math.max(more, 0));
    this.#left += more < 0 ? -more : -own;
    if (more > own && more > 0) {
      this.#owed += more - own;
      this.#free -= more - own;
    }
  }

  /**
   * Gives back what is not about to be used, and reports what was used beyond the grants. Called about once a second.
   *
   * @param all - give everything back. @default as much is kept as was used since the last call
   */
  adjust(now: number, { all = false }: { readonly all?: boolean } = {}): Adjustment | undefined {
    if (now >= this.#window.endsAt) {
      this.#begin(windowAfter(this.kind, this.#window, now));
      return undefined;
    }
    const surplus = Math.max(0, this.#left - (all ? 0 : this.#usedLately));
    const amount = this.#owed - surplus;
    this.#left -= surplus;
    // What is given back is free again, for this process too.
    this.#free += surplus;
    this.#owed = 0;
    this.#usedLately = 0;
    return amount === 0 ? undefined : { since: this.#window.since, amount };
  }

  /** Whether it holds nothing, and nobody has used it for a while. */
  isIdle(now: number, forMs = 600_000): boolean {
    return this.#left === 0 && this.#owed === 0 && now - this.#usedAt > forMs;
  }

  #begin(window: Window): void {
    this.#window = window;
    this.#isKnown = false;
    this.#left = 0;
    this.#free = this.#limit;
    this.#owed = 0;
    this.#usedLately = 0;
    this.#answeredAt = Number.NEGATIVE_INFINITY;
  }
}
