/** Positions that writer and reader of a log share between threads: the first unwritten byte, the first that is not stored. */
export class LogPositions {
  readonly buffer: SharedArrayBuffer;
  readonly #values: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.buffer = buffer;
    this.#values = new BigInt64Array(buffer);
  }

  get end(): number {
    return Number(Atomics.load(this.#values, 0));
  }
  set end(position: number) {
    Atomics.store(this.#values, 0, BigInt(position));
  }
  get stored(): number {
    return Number(Atomics.load(this.#values, 1));
  }
  set stored(position: number) {
    Atomics.store(this.#values, 1, BigInt(position));
  }
}
