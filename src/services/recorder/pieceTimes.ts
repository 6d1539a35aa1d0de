import type { Arrivals } from "../../domain/recording/prediction.ts";

/** Entries that are kept of one body, an even number more than the exact ones; some 256 KiB. */
const most = 16_384;
/** The first pieces always have an entry each: the first token is among them. */
const exact = 1_024;

/**
 * When the pieces of one body came. Each has an entry, until there are very many: then an entry stands for two, four, eight pieces, and has
 * the time of the last of them, so that a stream of hours takes no more memory than one of minutes.
 */
export class PieceTimes {
  readonly #ends: number[] = [];
  readonly #at: number[] = [];
  #pieces = 0;
  #bytes = 0;
  #perEntry = 1;
  #inLast = 0;

  /** @param at - in milliseconds, from wherever the caller counts them */
  add(bytes: number, at: number): void {
    this.#pieces += 1;
    this.#bytes += bytes;
    if (this.#inLast < this.#perEntry && this.#ends.length > exact) {
      this.#ends[this.#ends.length - 1] = this.#bytes;
      this.#at[this.#at.length - 1] = at;
      this.#inLast += 1;
      return;
    }
    if (this.#ends.length === most) this.#thinOut();
    this.#ends.push(this.#bytes);
    this.#at.push(at);
    this.#inLast = 1;
  }

  /** Null where nothing came. */
  arrivals(): Arrivals | null {
    return this.#pieces === 0 ? null : { pieces: this.#pieces, ends: this.#ends, at: this.#at };
  }

  #thinOut(): void {
    let to = exact;
    for (let from = exact + 1; from < most; from += 2, to += 1) {
      this.#ends[to] = this.#ends[from] as number;
      this.#at[to] = this.#at[from] as number;
    }
    this.#ends.length = to;
    this.#at.length = to;
    this.#perEntry *= 2;
  }
}
