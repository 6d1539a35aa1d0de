import {
  betsOn,
  countShares,
  failureShares,
  logEvidenceOfBad,
  logEvidenceOfGood,
} from "../../../src/domain/judgement/coin.ts";
import { userWindow } from "../../../src/domain/judgement/userRows.ts";
import { margin, risk } from "./errorRollout.ts";
import { binomial, randomOf } from "./random.ts";

/** What a user got: whether the first request failed, and the share of all of them that did. */
export interface UserOutcome {
  readonly first: boolean;
  readonly share: number;
}

export interface UserScenario {
  readonly name: string;
  /** What the next user gets of a version, in a second. `fails` is how much failed lately, of both versions, 0 to 1. */
  readonly outcome: (
    random: () => number,
    side: "new" | "old",
    world: { readonly second: number; readonly fails: number },
  ) => UserOutcome;
}

/** Errors of first requests, users, and pairs that differ share the risk of the first judgement. */
export const enoughForBadUsers = Math.log(3 / (risk / 2));
const enoughForGood = Math.log(2 / risk);

/** Seconds until which a weight holds, with some 4 users in each. */
const steps: readonly (readonly [until: number, weight: number])[] = [
  [1_000, 0.01],
  [2_500, 0.1],
  [4_500, 0.5],
];
const perSecond = 4;

/** When the rollout was taken back, in users that were drawn until then, and by what; and whether both were good in the end. */
export interface UserResult {
  readonly bad: { readonly users: number; readonly by: "errors" | "users" } | null;
  readonly good: boolean;
}

interface Drawn {
  readonly second: number;
  readonly weight: number;
  readonly isNew: boolean;
  readonly outcome: UserOutcome;
}

/** A rollout whose users keep their side by a cookie, judged after each: by the first request at once, by all of them when their time is over. */
export function userRollout({ outcome }: UserScenario, seed: number): UserResult {
  const random = randomOf(seed);
  const [first, whole] = [new UserEvidence(), new UserEvidence()];
  let [fails, users] = [0, 0];
  const open: Drawn[] = [];
  let closed = 0;
  const end = steps.at(-1)?.[0] ?? 0;
  for (let second = 0; second < end + userWindow; second += 1) {
    const weight = steps.find(([until]) => second < until)?.[1];
    const arrivals = weight === undefined ? 0 : binomial(random, 2 * perSecond, 0.5);
    for (let user = 0; user < arrivals; user += 1) {
      const isNew = random() < (weight ?? 0);
      const found = outcome(random, isNew ? "new" : "old", { second, fails });
      fails += 0.002 * ((found.first ? 1 : 0) - fails);
      users += 1;
      open.push({ second, weight: weight ?? 0, isNew, outcome: found });
      if (says(first, weight ?? 0, isNew, found.first ? 1 : 0)) return { bad: { users, by: "errors" }, good: false };
    }
    for (let due = open[closed]; due && due.second + userWindow <= second; closed += 1, due = open[closed]) {
      if (says(whole, due.weight, due.isNew, due.outcome.share)) return { bad: { users, by: "users" }, good: false };
    }
  }
  return { bad: null, good: [first, whole].every((evidence) => evidence.good() >= enoughForGood) };
}

/** Adds a user, and answers whether that is enough to take the rollout back. */
function says(evidence: UserEvidence, weight: number, isNew: boolean, share: number): boolean {
  evidence.add(weight, isNew, share);
  return isNew && share > 0 && evidence.bad() >= enoughForBadUsers;
}

/** The judge's bets on users, kept as running sums. A test compares them with the judge's own. */
export class UserEvidence {
  readonly #logs = { bad: starting("bad"), good: starting("good") };

  add(weight: number, isNew: boolean, share: number): void {
    const factors = factorsOf(weight, isNew);
    for (const [place, users] of partsOf(share)) {
      for (const side of ["bad", "good"] as const) {
        const logs = this.#logs[side];
        const of = factors[side][place];
        for (let bet = 0; bet < logs.length; bet += 1) logs[bet] = (logs[bet] ?? 0) + users * (of?.[bet] ?? 0);
      }
    }
  }

  bad(): number {
    return logSum(this.#logs.bad);
  }

  good(): number {
    return logSum(this.#logs.good);
  }
}

const [none, all] = [[[0, 1]] as const, [[failureShares.length - 1, 1]] as const];

/** Places of the shares that a user counts for, with the parts. */
function partsOf(share: number): readonly (readonly [place: number, users: number])[] {
  // Nearly all users have one of these.
  if (share === 0) return none;
  if (share === 1) return all;
  return [...countShares([{ share, users: 1 }]).entries()].filter(([, users]) => users > 0);
}

function starting(side: "bad" | "good"): Float64Array {
  return Float64Array.from(betsOn[side], ({ share }) => Math.log(share));
}

function logSum(logs: Float64Array): number {
  const most = Math.max(...logs);
  return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0));
}

/** Of one user with each share, what each bet gains. */
type Factors = Readonly<Record<"bad" | "good", readonly Float64Array[]>>;
const known = new Map<number, Factors>();

function factorsOf(weight: number, isNew: boolean): Factors {
  const key = isNew ? weight : -weight;
  const found = known.get(key);
  if (found) return found;
  const nobody = failureShares.map(() => 0);
  const of = (side: "bad" | "good") =>
    failureShares.map((_, place) => {
      const one = nobody.map((_none, at) => (at === place ? 1 : 0));
      const users = [{ weight, new: isNew ? one : nobody, old: isNew ? nobody : one }];
      const counts = { routed: [], pairs: { newFailed: 0, oldFailed: 0, alike: 0 }, users };
      const evidence = side === "bad" ? logEvidenceOfBad : logEvidenceOfGood;
      return Float64Array.from(betsOn[side], (bet) => evidence(counts, margin, [{ ...bet, share: 1 }]));
    });
  const factors = { bad: of("bad"), good: of("good") };
  known.set(key, factors);
  return factors;
}
