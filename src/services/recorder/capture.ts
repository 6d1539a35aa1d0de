import type { CapturedBody } from "../../adapters/predictionLog/frame.ts";

/** Memory for bodies on their way. When it is used up, bodies are cut off; their forwarding is not. */
export interface CaptureBudget {
  /** Bytes of one body; 0 to count them and keep nothing. */
  readonly ofBody: number;
  /** Bytes of all of them. */
  readonly ofAll: number;
  used: number;
}

/** A piece that is smaller is copied: each buffer of a stream's many small ones takes more memory than what it holds. In bytes. */
const small = 4 * 1024;
/** What small pieces are copied to, the first and the largest. */
const [firstBlock, largestBlock] = [1024, 64 * 1024];

/** Keeps the beginning of a body while it passes. */
export class Capture {
  readonly #budget: CaptureBudget;
  readonly #chunks: Buffer[] = [];
  /** Small pieces, one behind the other; it belongs behind the chunks. */
  #block: Buffer | undefined;
  #blockBytes = 0;
  #kept = 0;
  #bytes = 0;
  #isReleased = false;

  constructor(budget: CaptureBudget) {
    this.#budget = budget;
  }

  add(chunk: Buffer): void {
    const budget = this.#budget;
    if (this.#isReleased) return;
    const isWhole = this.#kept === this.#bytes;
    this.#bytes += chunk.length;
    if (!isWhole) return;
    const room = Math.min(budget.ofBody - this.#kept, budget.ofAll - budget.used, chunk.length);
    if (room <= 0) return;
    this.#kept += room;
    budget.used += room;
    // Most bodies are one chunk, which is kept as it is. A view of a part of a chunk would keep the memory of all of it.
    if (this.#kept > room && room < small) this.#copy(chunk, room);
    else this.#push(room === chunk.length ? chunk : Buffer.from(chunk.subarray(0, room)));
  }

  /** @param isComplete - whether the body came to its end */
  body(isComplete: boolean): CapturedBody {
    this.#closeBlock();
    return { chunks: this.#chunks, bytes: this.#bytes, truncated: !isComplete || this.#kept < this.#bytes };
  }

  /** Gives the memory back; what comes later is not kept. */
  release(): void {
    this.#budget.used -= this.#kept;
    this.#kept = 0;
    this.#chunks.length = 0;
    this.#block = undefined;
    this.#isReleased = true;
  }

  #push(chunk: Buffer): void {
    this.#closeBlock();
    this.#chunks.push(chunk);
  }

  #copy(chunk: Buffer, bytes: number): void {
    let block = this.#block;
    if (!block || this.#blockBytes + bytes > block.length) {
      const size = block ? Math.min(block.length * 2, largestBlock) : firstBlock;
      this.#closeBlock();
      block = Buffer.allocUnsafeSlow(Math.max(size, bytes));
      this.#block = block;
    }
    chunk.copy(block, this.#blockBytes, 0, bytes);
    this.#blockBytes += bytes;
  }

  #closeBlock(): void {
    if (this.#block && this.#blockBytes > 0) this.#chunks.push(this.#block.subarray(0, this.#blockBytes));
    this.#block = undefined;
    this.#blockBytes = 0;
  }
}
