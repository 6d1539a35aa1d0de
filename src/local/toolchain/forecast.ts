/** Bytes of Go source that one core compiles in a second: measured on etcd, and only the first guess of a run. */
const firstGuess = 250_000;
/** For so long, in seconds, the first guess counts as much as what is measured. */
const guessWeight = 20;
/** What was measured so long ago counts half, in seconds: packages differ, and so does what else the machine does. */
const halfLife = 120;

interface Piece {
  readonly rank: number;
  /** Bytes of source that are still to be compiled; linking is counted in bytes too. */
  left: number;
  isRunning: boolean;
}

/**
 * How long the builds of a run will still take, reckoned from the source that is left to compile and the rate so far. Builds that
 * run at once share that rate; those that wait begin in the order of their rank.
 */
export class Forecast {
  readonly #lanes: number;
  readonly #now: () => number;
  readonly #pieces = new Map<string, Piece>();
  #compiled: number;
  #seconds = guessWeight;
  #measuredAt: number;

  /**
   * @param lanes how many builds run at once
   * @param now seconds of a clock that only goes forward
   */
  constructor(lanes: number, cores: number, now: () => number = () => performance.now() / 1000) {
    this.#lanes = lanes;
    this.#now = now;
    this.#compiled = firstGuess * cores * guessWeight;
    this.#measuredAt = now();
  }

  /** A build of so many bytes waits for its turn. */
  add(name: string, rank: number, bytes: number): void {
    this.#pieces.set(name, { rank, left: bytes, isRunning: false });
  }

  begin(name: string): void {
    this.#measure(0);
    const piece = this.#pieces.get(name);
    if (piece) piece.isRunning = true;
  }

  /** Source of so many bytes was compiled. */
  advance(name: string, bytes: number): void {
    const piece = this.#pieces.get(name);
    if (piece) piece.left = Math.max(0, piece.left - bytes);
    this.#measure(bytes);
  }

  end(name: string): void {
    this.#measure(0);
    this.#pieces.delete(name);
  }

  /** Seconds until this build will have ended, or undefined for one that was never added. */
  secondsLeft(name: string): number | undefined {
    const rate = this.#compiled / this.#seconds;
    const all = [...this.#pieces].map(([of, piece]) => ({ of, ...piece }));
    const running = all.filter((piece) => piece.isRunning);
    const waiting = all.filter((piece) => !piece.isRunning).sort((a, b) => a.rank - b.rank);
    let passed = 0;
    while (running.length + waiting.length > 0) {
      while (running.length < this.#lanes && waiting.length > 0) running.push(...waiting.splice(0, 1));
      const least = Math.min(...running.map((piece) => piece.left));
      passed += (least * running.length) / rate;
      for (const piece of running) piece.left -= least;
      if (running.some((piece) => piece.of === name && piece.left <= 0)) return passed;
      running.splice(0, running.length, ...running.filter((piece) => piece.left > 0));
    }
    return undefined;
  }

  #measure(bytes: number): void {
    const now = this.#now();
    if ([...this.#pieces.values()].some((piece) => piece.isRunning)) {
      const passed = now - this.#measuredAt;
      const kept = 0.5 ** (passed / halfLife);
      this.#seconds = this.#seconds * kept + passed;
      this.#compiled = this.#compiled * kept + bytes;
    }
    this.#measuredAt = now;
  }
}

/** `about 4 min left` */
export function timeLeft(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes < 1 ? "less than a minute left" : `about ${minutes} min left`;
}
