/** A window has as many answers as this at least, some from each place, and lasts so long, in milliseconds: a moment's noise is not a window. */
const [fewestOfWindow, fewestOfPlace, windowMs] = [20, 4, 1_000];
/** The slowest of a window's answers are judged by the one that 95 % are as fast as. */
const share = 0.95;
/** Answers are getting slow where that takes so many times as long as in the fastest window, and so much longer, in milliseconds. */
const [slowFactor, slowMs] = [2, 5];
/** What is slow for long is usual in the end: by so much with each window. */
const usualGrowth = 1.02;
const [whenSlow, whenRefused] = [0.75, 0.5];

/**
 * How many requests may be on their way at once. One more with each window of answers that come as fast as before, up to `most`; a quarter
 * fewer where answers are getting slow, because others wait for the same model; half as many where the server refuses some. Never under one.
 */
export class Pace {
  readonly #most: number;
  #limit: number;
  /** Of the fastest window that is not long ago, in milliseconds. */
  #usual: number | undefined;
  #window: number[] = [];
  #windowSince = Number.NEGATIVE_INFINITY;
  /** When it last became less: what was sent before then says nothing about it. */
  #slowedAt = Number.NEGATIVE_INFINITY;

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** An answer came. Times are in milliseconds of one clock. */
  answered(sentAt: number, now: number): void {
    if (sentAt < this.#slowedAt) return;
    if (this.#window.length === 0) this.#windowSince = sentAt;
    this.#window.push(now - sentAt);
    const isShort = now - this.#windowSince < windowMs;
    if (isShort || this.#window.length < Math.max(fewestOfWindow, fewestOfPlace * this.limit)) return;
    const sorted = this.#window.toSorted((a, b) => a - b);
    const slowest = sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    this.#window = [];
    const usual = this.#usual ?? slowest;
    const isSlow = slowest > Math.max(usual * slowFactor, usual + slowMs);
    this.#usual = Math.min(slowest, usual * usualGrowth);
    if (isSlow) this.#slow(whenSlow, now);
    else this.#limit = Math.min(this.#most, this.#limit + 1);
  }

  /** A request was refused, for the moment: by 429, by 503, or because nobody listens. */
  refused(sentAt: number, now: number): void {
    if (sentAt >= this.#slowedAt) this.#slow(whenRefused, now);
  }

  #slow(factor: number, now: number): void {
    this.#limit = Math.max(1, this.#limit * factor);
    this.#slowedAt = now;
    this.#window = [];
  }
}
