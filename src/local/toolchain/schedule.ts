import { availableParallelism, totalmem } from "node:os";

/**
 * What an environment can begin with, first: its namespaces, then the API server on etcd, then KServe. The engine comes
 * before KServe all the same: it shares little with the control plane, beside which it is built, and KServe is small once
 * the control plane has compiled what both need.
 */
const urgent = ["container-shim", "etcd", "kubernetes", "pulumi", "kserve"];

/** Orders tools by when they are needed; those that are needed last keep their order. */
export function byUrgency(one: { readonly name: string }, other: { readonly name: string }): number {
  const place = ({ name }: { readonly name: string }) => (urgent.includes(name) ? urgent.indexOf(name) : urgent.length);
  return place(one) - place(other);
}

/** The provider's build peaks at 4 GiB in one process (measured), the control plane's at 1.7: two lanes fit in 7. */
const bytesPerLane = 3.5 * 2 ** 30;

/**
 * How many tools to build at once. Compiling uses all cores by itself; a second lane fills the gaps where a build
 * links, which is single-threaded. Memory bounds it.
 */
export function laneCount(
  cores: number = availableParallelism(),
  memory: number = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
): number {
  return Math.max(1, Math.min(4, Math.max(2, Math.floor(cores / 2)), Math.floor(memory / bytesPerLane)));
}

/** Admits `count` callers at a time; of those who wait, the one with the lowest rank goes first. */
export class Lanes {
  #free: number;
  readonly #waiting: { readonly rank: number; readonly admit: () => void }[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(rank: number, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((admit) => this.#waiting.push({ rank, admit }));
    try {
      return await work();
    } finally {
      this.#waiting.sort((a, b) => a.rank - b.rank);
      const next = this.#waiting.shift();
      if (next) next.admit();
      else this.#free += 1;
    }
  }
}
