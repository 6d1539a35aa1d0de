import type { JudgementRow, SideCounts } from "../../../src/domain/judgement/rows.ts";
import { control, type ErrorScenario, steps, stretch } from "./errorRollout.ts";
import { binomial, randomOf } from "./random.ts";

/** A rollout of 100,000 requests as rows of `perRow` requests each, with a second of unknown weight where it changes. */
export function rolloutRows({ rates }: ErrorScenario, seed: number, perRow: number): JudgementRow[] {
  const random = randomOf(seed);
  const ratesAt = rates(random);
  const rows: JudgementRow[] = [];
  let before = steps[0]?.[1];
  for (let at = 0, second = 0; at < 100_000; at += perRow, second += 1) {
    const weight = steps.find(([end]) => at < end)?.[1] ?? 1;
    const sides = { new: { requests: 0, failed: 0 }, old: { requests: 0, failed: 0 } };
    const pairs = { newFailed: 0, oldFailed: 0, bothFailed: 0, neitherFailed: 0, compared: 0, mismatches: 0 };
    for (let done = 0; done < perRow; done += stretch) {
      const [ofNew, ofOld] = ratesAt((at + done) / stretch);
      const requests = binomial(random, stretch, weight);
      sides.new.requests += requests;
      sides.new.failed += binomial(random, requests, ofNew);
      sides.old.requests += stretch - requests;
      sides.old.failed += binomial(random, stretch - requests, ofOld);
      if (weight < 1) continue;
      for (let pair = 0; pair < stretch * control; pair += 1) {
        const [newFails, oldFails] = [random() < ofNew, random() < ofOld];
        const kind = newFails ? (oldFails ? "bothFailed" : "newFailed") : oldFails ? "oldFailed" : "neitherFailed";
        pairs[kind] += 1;
      }
    }
    const counted = (side: "new" | "old"): SideCounts => ({ ...sides[side], timed: [] });
    const known = weight === before ? weight : null;
    rows.push({ kind: "routed", second, path: "route", weight: known, new: counted("new"), old: counted("old") });
    if (weight === 1 && known !== null)
      rows.push({ kind: "pairs", second, weight, ...pairs, newTimed: [], oldTimed: [] });
    before = weight;
  }
  return rows;
}
