import { Asking } from "../../../../src/domain/bisect/asking.ts";
import { combinationKey } from "../../../../src/domain/bisect/parts.ts";
import type { Memory, Remembered } from "../../../../src/domain/bisect/ports.ts";
import { silent } from "../../../../src/domain/progress.ts";
import type { RunnableCombination, RunnableModel } from "../../../../src/domain/trial/combination.ts";

/** A model whose content is `content`. */
export function model(name: string, content: string, more: Partial<RunnableModel> = {}): RunnableModel {
  return {
    name,
    content: { folder: `/models/${name}`, hash: content },
    resources: { cpu: "1", memory: "1Gi", gpus: 0 },
    env: {},
    secrets: [],
    ...more,
  };
}

export function combination(name: string, ...models: readonly RunnableModel[]): RunnableCombination {
  return { name, models, state: null };
}

/** What a combination does in the simulated world. */
export type Behaviour =
  /** The share of its answers that are faulty. */
  number | "does not start";

export class MemoryOfProcess implements Memory {
  readonly answers = new Map<string, Remembered>();

  get(key: string): Remembered | undefined {
    return this.answers.get(key);
  }

  async set(key: string, remembered: Remembered): Promise<void> {
    this.answers.set(key, remembered);
  }
}

/** A world in which combinations behave as said; it counts what is brought up. */
export function world(
  behaviour: (combination: RunnableCombination) => Behaviour,
  { seed = 1, memory = new MemoryOfProcess() }: { readonly seed?: number; readonly memory?: MemoryOfProcess } = {},
) {
  const raised: RunnableCombination[] = [];
  const random = randomFrom(seed);
  let standing = 0;
  const asking = new Asking({
    memory,
    progress: silent,
    async raise(wanted) {
      raised.push(wanted);
      const does = behaviour(wanted);
      if (does === "does not start") return { notJudged: "it does not start" };
      standing += 1;
      return {
        ask: async () => (random() < does ? "faulty" : "expected"),
        async dispose() {
          standing -= 1;
        },
      };
    },
  });
  return { asking, raised, memory, stillStanding: () => standing, raisedKeys: () => raised.map(combinationKey) };
}

/** Numbers from 0 to 1: mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
