/** The time that speed is measured over, in milliseconds: a pause in a batch does not lower its speed for long. */
const recentMs = 30_000;
/** Between two measurements of it, in milliseconds, at least. */
const everyMs = 500;
/** Before then it says nothing. */
const soonestMs = 2_000;

interface Moment {
  readonly at: number;
  readonly lines: number;
  readonly bytes: number;
}

/** How fast a batch is, and when it is at the end of its file. */
export class Throughput {
  readonly #size: number;
  #moments: Moment[] = [];

  /** @param size - bytes of the file */
  constructor(size: number) {
    this.#size = size;
  }

  /**
   * Lines a second, and seconds that are left; undefined where that is not known yet.
   *
   * @param at - milliseconds of a clock that is never set back
   * @param lines - that have their answers
   * @param bytes - of the file that are behind it
   */
  at(
    at: number,
    lines: number,
    bytes: number,
  ): { readonly perSecond: number; readonly secondsLeft: number } | undefined {
    const last = this.#moments.at(-1);
    if (!last || at - last.at >= everyMs) this.#moments.push({ at, lines, bytes });
    while (this.#moments.length > 2 && at - (this.#moments[1]?.at ?? at) >= recentMs) this.#moments.shift();
    const [first] = this.#moments;
    if (!first || at - first.at < soonestMs || lines === first.lines || bytes === first.bytes) return undefined;
    const seconds = (at - first.at) / 1000;
    const perByte = seconds / (bytes - first.bytes);
    return { perSecond: (lines - first.lines) / seconds, secondsLeft: Math.max(0, this.#size - bytes) * perByte };
  }
}
