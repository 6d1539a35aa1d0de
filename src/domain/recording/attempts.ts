/** As many ids that came last have their numbers remembered, and up to twice as many; the database knows those of the others. */
const remembered = 20_000;

/** The key of an id on a day: ids hold no line breaks, since they come from a header. */
export function attemptKey(day: number, requestId: string): string {
  return `${day}\n${requestId}`;
}

/**
 * Numbers the repeats of a request id on one day: 1, 2, 3. Numbers are given for a batch, and remembered when it is stored; a
 * batch that failed gets the same ones again.
 */
export class AttemptNumbers {
  // Two generations, of which the older is dropped whole: to find the oldest entry of one map costs more than all the rest of a row.
  #last = new Map<string, number>();
  #before = new Map<string, number>();
  #given = new Map<string, number>();

  /** Numbers of a batch's keys, in order. */
  number(keys: readonly string[]): number[] {
    this.#given = new Map();
    return keys.map((key) => {
      const next = (this.#given.get(key) ?? this.#known(key)) + 1;
      this.#given.set(key, next);
      return next;
    });
  }

  /** The batch numbered last is stored. */
  stored(): void {
    for (const [key, number] of this.#given) this.#remember(key, number);
    this.#given.clear();
  }

  /** The database has these numbers already. */
  found(key: string, number: number): void {
    if (number > this.#known(key)) this.#remember(key, number);
  }

  #known(key: string): number {
    return this.#last.get(key) ?? this.#before.get(key) ?? 0;
  }

  #remember(key: string, number: number): void {
    this.#last.set(key, number);
    if (this.#last.size < remembered) return;
    this.#before = this.#last;
    this.#last = new Map();
  }
}
