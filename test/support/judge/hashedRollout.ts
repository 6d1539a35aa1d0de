import { drawnWithin, everyHash, type HashRange } from "../../../src/domain/judgement/hashedUsers.ts";
import { randomOf } from "./random.ts";
import { enoughForBadUsers, UserEvidence, type UserOutcome } from "./userRollout.ts";

/** Somebody whom the hash of a header keeps on one side. */
export interface HashedUser {
  /** Of the header's value, 0 to 1. */
  readonly hash: number;
  /** What this user is like, 0 to 1: apart from the hash, and the same all the time. */
  readonly kind: number;
  /** Share of the requests that failed when this user came last; undefined before. */
  failed?: number;
}

export interface HashedScenario {
  readonly name: string;
  /** What a user who came gets of a version. */
  readonly outcome: (random: () => number, side: "new" | "old", user: HashedUser) => UserOutcome;
  /** Whether a user comes while a weight stays. @default half of them do, by chance */
  readonly comes?: (random: () => number, user: HashedUser) => boolean;
  /** @default 600 */
  readonly users?: number;
}

/** As one raises them who is careful at first, and lowers them for a while. */
const weights = [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 10, 25, 10, 50];

/** Which metric took the rollout back. */
export type HashedResult = "errors" | "users" | undefined;

/**
 * A rollout whose users keep their side by a header, each of whom may come under several weights, judged after each: by the first request and by
 * all of them.
 *
 * @param counted - by the chance that was left, as the judge does; or as a new coin of the weight under each, as one would who forgets that users come again
 */
export function hashedRollout(
  { outcome, comes = (random) => random() < 0.5, users = 600 }: HashedScenario,
  seed: number,
  counted: "what was left" | "as new" = "what was left",
): HashedResult {
  const random = randomOf(seed);
  const everybody = Array.from({ length: users }, (): HashedUser => ({ hash: random(), kind: random() }));
  const known = new Map<HashedUser, HashRange>();
  const [first, whole] = [new UserEvidence(), new UserEvidence()];
  for (const weight of weights) {
    for (const user of everybody) {
      if (!comes(random, user)) continue;
      const isNew = Math.floor(user.hash * 10_000) >= 10_000 - 100 * weight;
      const got = outcome(random, isNew ? "new" : "old", user);
      user.failed = got.share;
      const draw = drawnWithin(known.get(user) ?? everyHash, weight, isNew);
      known.set(user, draw.known);
      const chance = counted === "as new" ? weight / 100 : draw.chance;
      if (chance === undefined) continue;
      for (const [evidence, share, by] of [
        [first, got.first ? 1 : 0, "errors"],
        [whole, got.share, "users"],
      ] as const) {
        evidence.add(chance, isNew, share);
        if (isNew && share > 0 && evidence.bad() >= enoughForBadUsers) return by;
      }
    }
  }
  return undefined;
}
