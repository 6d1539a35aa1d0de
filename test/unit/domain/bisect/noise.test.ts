import { describe, expect, test } from "vitest";
import { distinction, noAnswers, sideOf, type Tally, withAnswer } from "../../../../src/domain/bisect/noise.ts";
import { randomFrom } from "./world.ts";

function tally(asked: number, faulty: number): Tally {
  return { asked, faulty };
}

/** Asks until it is decided; undefined after `most`. */
function decide(share: number, apart: NonNullable<ReturnType<typeof distinction>>, random: () => number, most = 2_000) {
  let answers = noAnswers;
  while (answers.asked < most) {
    answers = withAnswer(answers, random() < share);
    const side = sideOf(answers, apart);
    if (side) return { side, asked: answers.asked };
  }
  return undefined;
}

describe("two ends", () => {
  test("that never vary are told apart by twenty answers of each, and a release between them by about a dozen", () => {
    const apart = distinction(tally(20, 0), tally(20, 20));
    expect(apart?.came).toBe(true);
    expect(apart?.limit).toBeCloseTo(0.5, 6);
    if (!apart) return;
    expect(sideOf(tally(15, 0), apart)).toBe("old");
    expect(sideOf(tally(15, 15), apart)).toBe("young");
    expect(sideOf(tally(5, 5), apart)).toBeUndefined();
  });

  test("are not told apart where their shares may be the same", () => {
    expect(distinction(tally(20, 0), tally(20, 0))).toBeUndefined();
    expect(distinction(tally(200, 20), tally(200, 30))).toBeUndefined();
    expect(distinction(noAnswers, tally(20, 20))).toBeUndefined();
    expect(distinction(tally(20, 20), noAnswers)).toBeUndefined();
  });

  test("of which the older is faulty: the fault went", () => {
    const apart = distinction(tally(20, 20), tally(20, 0));
    expect(apart?.came).toBe(false);
    if (!apart) return;
    expect(sideOf(tally(20, 20), apart)).toBe("old");
    expect(sideOf(tally(20, 0), apart)).toBe("young");
  });

  test("nothing is said of a release without an answer", () => {
    expect(sideOf(noAnswers, { limit: 0.5, came: true })).toBeUndefined();
  });
});

test("at most one release in a hundred is put on the wrong side, wherever its share of faulty answers is", () => {
  const apart = { limit: 0.3, came: true };
  for (const share of [0, 0.1, 0.2, 0.25, 0.35, 0.4, 0.6, 1]) {
    const random = randomFrom(7 + share * 1_000);
    let wrong = 0;
    for (let run = 0; run < 1_000; run += 1) {
      const found = decide(share, apart, random, 300);
      if (found && found.side !== (share < 0.3 ? "old" : "young")) wrong += 1;
    }
    expect(wrong, `a share of ${share}`).toBeLessThan(10);
  }
});
