/** The numbers of lines that are answered, as ranges: as many as there are gaps between them, not as there are lines. */
export class AnsweredLines {
  /** First and last number of each range, in their order; never two that meet. */
  readonly #ranges: [number, number][] = [];
  #count = 0;

  /** How many lines are answered. */
  get count(): number {
    return this.#count;
  }

  /** The largest number; 0 where no line is answered. */
  get last(): number {
    return this.#ranges.at(-1)?.[1] ?? 0;
  }

  /** @returns false where the line was answered before */
  add(line: number): boolean {
    const ranges = this.#ranges;
    const at = this.#placeOf(line);
    const [before, after] = [ranges[at - 1], ranges[at]];
    if (before && line <= before[1]) return false;
    this.#count += 1;
    if (before?.[1] === line - 1) {
      before[1] = line;
      if (after?.[0] !== line + 1) return true;
      before[1] = after[1];
      ranges.splice(at, 1);
    } else if (after?.[0] === line + 1) {
      after[0] = line;
    } else {
      ranges.splice(at, 0, [line, line]);
    }
    return true;
  }

  has(line: number): boolean {
    const before = this.#ranges[this.#placeOf(line) - 1];
    return before !== undefined && line <= before[1];
  }

  /** Place of the first range that begins behind a line. */
  #placeOf(line: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.[0] ?? 0) <= line) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
