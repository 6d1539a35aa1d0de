import { expect } from "vitest";

/**
 * Asks until the answer is the one that a change leads to, which has just been made. Everybody gets it who asks a second after the change or
 * later; only where the question itself takes a second, as on a busy machine, an earlier answer may stand for it.
 */
export async function expectWithinASecond<T>(ask: () => Promise<T>, expected: T): Promise<void> {
  const changedAt = performance.now();
  for (;;) {
    const askedAt = performance.now();
    const answer = await ask();
    if (answer === expected) return;
    if (performance.now() - askedAt < 1_000) expect(askedAt - changedAt, `still ${answer}`).toBeLessThan(1_000);
  }
}
