import type { CapturedBody } from "../../adapters/predictionLog/frame.ts";

/** Memory for bodies on their way. When it is used up, bodies are cut off; their forwarding is not. */
export interface CaptureBudget {
  /** Bytes of one body; 0 where none is kept. */
  readonly ofBody: number;
  /** Bytes of all of them. */
  readonly ofAll: number;
  used: number;
}

/** Keeps the beginning of a body while it passes. */
export class Capture {
  readonly #budget: CaptureBudget;
  readonly #chunks: Buffer[] = [];
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
    // A piece of a chunk would keep the memory of all of it.
    this.#chunks.push(room === chunk.length ? chunk : Buffer.from(chunk.subarray(0, room)));
    this.#kept += room;
    budget.used += room;
  }

  /** @param isComplete - whether the body came to its end */
  body(isComplete: boolean): CapturedBody {
    return { chunks: this.#chunks, bytes: this.#bytes, truncated: !isComplete || this.#kept < this.#bytes };
  }

  /** Gives the memory back; what comes later is not kept. */
  release(): void {
    this.#budget.used -= this.#kept;
    this.#kept = 0;
    this.#chunks.length = 0;
    this.#isReleased = true;
  }
}
