import type { Progress } from "../progress.ts";
import { noAnswers, type Tally, withAnswer } from "./noise.ts";
import { combinationKey, type MixedCombination } from "./parts.ts";
import type { Memory, NotJudged, Raise, Standing } from "./ports.ts";

/** A combination that is brought up once, however often it is asked. */
export interface KeptUp {
  /** As {@link Asking.answers}. */
  answers(most: number, isEnough: (tally: Tally) => boolean): Promise<Tally | NotJudged>;
  dispose(): Promise<void>;
}

/** Asks combinations, each no more often than needed, and remembers what they answered. */
export class Asking {
  readonly #raise: Raise;
  readonly #memory: Memory;
  readonly #progress: Progress;
  /** What another run may judge. */
  readonly #unmended = new Map<string, NotJudged>();

  constructor({
    raise,
    memory,
    progress,
  }: { readonly raise: Raise; readonly memory: Memory; readonly progress: Progress }) {
    this.#raise = raise;
    this.#memory = memory;
    this.#progress = progress;
  }

  /** What is known of a combination without asking. */
  known(combination: MixedCombination): Tally | NotJudged | undefined {
    const key = combinationKey(combination);
    return this.#unmended.get(key) ?? this.#memory.get(key);
  }

  /**
   * Brings a combination up, unless what is known of it is enough, and asks until it is, at most `most` times in all.
   *
   * @param label - for people, such as `release-7`
   * @param isEnough - of the answers so far
   */
  async answers(
    label: string,
    combination: MixedCombination,
    most: number,
    isEnough: (tally: Tally) => boolean,
  ): Promise<Tally | NotJudged> {
    const kept = this.kept(label, combination);
    try {
      return await kept.answers(most, isEnough);
    } finally {
      await kept.dispose();
    }
  }

  /** A combination that stays up once it had to be asked, until it is disposed of: it may be asked more often later. */
  kept(label: string, combination: MixedCombination): KeptUp {
    const key = combinationKey(combination);
    let standing: Standing | undefined;
    const answers: KeptUp["answers"] = async (most, isEnough) => {
      const before = this.#unmended.get(key) ?? this.#memory.get(key);
      if (before && "notJudged" in before) return before;
      let tally: Tally = before ?? noAnswers;
      if (tally.asked >= most || isEnough(tally)) return tally;
      const restores = (before?.restores ?? 0) + (standing ? 0 : 1);
      const task = this.#progress.begin(label);
      try {
        if (!standing) {
          const raised = await this.#raise(combination);
          if ("notJudged" in raised) {
            await this.#remember(key, raised, restores);
            task.failed(raised.notJudged);
            return raised;
          }
          standing = raised;
        }
        while (tally.asked < most && !isEnough(tally)) {
          task.update(`answer ${tally.asked + 1}, ${tally.faulty} not as expected`);
          const answer = await standing.ask();
          if (typeof answer === "object") {
            await this.#remember(key, answer, restores);
            task.failed(answer.notJudged);
            return answer;
          }
          tally = withAnswer(tally, answer === "faulty");
        }
        await this.#memory.set(key, { ...tally, restores });
        task.done(describeTally(tally));
        return tally;
      } catch (error) {
        task.failed();
        // What was interrupted goes on from here.
        if (tally.asked > (before?.asked ?? 0)) await this.#memory.set(key, { ...tally, restores });
        throw error;
      }
    };
    return { answers, dispose: async () => standing?.dispose() };
  }

  async #remember(key: string, { notJudged, mayBeMended }: NotJudged, restores: number): Promise<void> {
    if (mayBeMended) this.#unmended.set(key, { notJudged });
    else await this.#memory.set(key, { notJudged, restores });
  }
}

/** Such as `0 of 13 answers are not as expected`. */
export function describeTally({ asked, faulty }: Tally): string {
  return `${faulty} of ${asked} answers are not as expected`;
}
