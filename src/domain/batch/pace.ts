/** How many answers make a window, at least, of them from each place, and how long it lasts, in milliseconds: a moment's noise is not a window. */
interface WindowSize {
  readonly answers: number;
  readonly ofPlace: number;
  readonly ms: number;
}

const growing: WindowSize = { answers: 4, ofPlace: 2, ms: 0 };
const steady: WindowSize = { answers: 20, ofPlace: 4, ms: 1_000 };
/**
 * One at once is over after so many answers, or after fewer and so long, or at the latest after so long: one request may take for ever. In
 * milliseconds.
 */
const alone = { answers: 20, fewest: 4, ms: 1_000, longestMs: 15_000 };
/** It is repeated after so long, in milliseconds, or so many times as long as it took. */
const [againMs, againTimes] = [60_000, 30];
/** Some answers are judged by the one that half of them are as fast as, and by the one that 95 % are as fast as. */
const shares = [0.5, 0.95];
/** Answers are slow where one of these takes so many times as long as with one at once, and so much longer, in milliseconds. */
const [slowFactor, slowMs] = [2, 5];
const [whenSlow, whenRefused] = [0.75, 0.5];

/**
 * How many requests may be on their way at once, so that whoever else asks the model waits about twice as long as without this batch, at most.
 *
 * How fast the model answers is measured with one at once, in the beginning and about once a minute. From there it is twice as many with each
 * window of answers that are not slow, until some are; then one more with each. A quarter fewer where answers are slow, half as many
 * where the server refuses some. Never under one, nor over `most`.
 */
export class Pace {
  readonly #most: number;
  #limit = 1;
  /** What answers take with one at once, by each of {@link shares}; undefined until that is measured. In milliseconds. */
  #usual: readonly number[] | undefined;
  /** While one at once is measured: how many there were before, and since when. */
  #alone: { before: number; readonly since: number } | undefined;
  /** When it is measured again. */
  #againAt = 0;
  #isGrowing = true;
  #window: number[] = [];
  #windowSince = 0;
  /** When it last became less: what was sent before then says nothing about it. */
  #slowedAt = Number.NEGATIVE_INFINITY;

  /** @param now - of the clock that all times are of, in milliseconds */
  constructor(most: number, now: number) {
    this.#most = most;
    if (most > 1) this.#alone = { before: 1, since: now };
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** When {@link passed} is to be called, if nothing is answered until then; undefined where it need not. */
  get waitsUntil(): number | undefined {
    return this.#alone && this.#alone.since + alone.longestMs;
  }

  /** Time went by. */
  passed(now: number): void {
    if (this.waitsUntil !== undefined && now >= this.waitsUntil) this.#measured(now);
  }

  /** An answer came. */
  answered(sentAt: number, now: number): void {
    if (this.#most === 1 || sentAt < this.#slowedAt) return;
    if (this.#window.length === 0) this.#windowSince = sentAt;
    this.#window.push(now - sentAt);
    if (this.#alone) this.#answeredAlone(now);
    else if (now >= this.#againAt) this.#measureAlone(now);
    else this.#answeredAmongOthers(now);
  }

  /** A request was refused, for the moment: by 429, by 503, or because nobody listens. */
  refused(sentAt: number, now: number): void {
    if (sentAt < this.#slowedAt) return;
    if (this.#alone) this.#alone.before = Math.max(1, this.#alone.before * whenRefused);
    this.#less(whenRefused, now);
  }

  #measureAlone(now: number): void {
    this.#alone = { before: this.#limit, since: now };
    this.#less(0, now);
  }

  #answeredAlone(now: number): void {
    const count = this.#window.length;
    const isLong = now - this.#windowSince >= alone.ms;
    if (count >= alone.answers || (count >= alone.fewest && isLong)) this.#measured(now);
    else this.passed(now);
  }

  #measured(now: number): void {
    const { before, since } = this.#alone ?? { before: this.#limit, since: now };
    this.#alone = undefined;
    if (this.#window.length > 0) this.#usual = judged(this.#window);
    this.#window = [];
    this.#againAt = now + Math.max(againMs, againTimes * (now - since));
    this.#limit = before;
    if (this.#isGrowing) this.#more();
  }

  #answeredAmongOthers(now: number): void {
    const { answers, ofPlace, ms } = this.#isGrowing ? growing : steady;
    if (now - this.#windowSince < ms || this.#window.length < Math.max(answers, ofPlace * this.limit)) return;
    const times = judged(this.#window);
    this.#usual ??= times;
    this.#window = [];
    if (this.#usual.some((usual, index) => (times[index] ?? 0) > Math.max(usual * slowFactor, usual + slowMs))) {
      this.#isGrowing = false;
      this.#less(whenSlow, now);
    } else this.#more();
  }

  #more(): void {
    this.#limit = Math.min(this.#most, this.#isGrowing ? this.#limit * 2 : this.#limit + 1);
  }

  #less(factor: number, now: number): void {
    this.#limit = Math.max(1, this.#limit * factor);
    this.#slowedAt = now;
    this.#window = [];
  }
}

function judged(answers: readonly number[]): readonly number[] {
  const sorted = answers.toSorted((a, b) => a - b);
  return shares.map((share) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
}
