import type { Tally } from "./noise.ts";
import type { MixedCombination } from "./parts.ts";

/** A reason why something cannot be judged, such as `its image is gone`. */
export interface NotJudged {
  readonly notJudged: string;
  /** Somebody may mend it, such as by a secret that was missing: another run tries again. @default false */
  readonly mayBeMended?: boolean | undefined;
}

/** A combination that answers, beside the live environment. */
export interface Standing {
  /** Sends the request once, and says whether its answer is as expected. */
  ask(): Promise<"expected" | "faulty" | NotJudged>;
  dispose(): Promise<void>;
}

/**
 * Brings a combination up somewhere else.
 * @returns a reason where it does not start, or something of it is gone. Everything else is thrown.
 */
export type Raise = (combination: MixedCombination) => Promise<Standing | NotJudged>;

/** What a combination answered so far. */
export type Remembered = (Tally | NotJudged) & {
  /** How often it was brought up. */
  readonly restores: number;
};

/** Answers that outlive this process, by {@link combinationKey}: what was killed goes on with them. */
export interface Memory {
  get(key: string): Remembered | undefined;
  set(key: string, remembered: Remembered): Promise<void>;
}
