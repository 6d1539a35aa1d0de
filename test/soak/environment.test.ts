import { afterAll, beforeAll, expect, test } from "vitest";
import { TestHome } from "../local/support/menagerie.ts";

/** Rounds of each campaign, and the seed that repeats one: `MENAGERIE_SOAK_ROUNDS`, `MENAGERIE_SOAK_SEED`. */
const rounds = Number(process.env.MENAGERIE_SOAK_ROUNDS ?? 30);
const seed = Number(process.env.MENAGERIE_SOAK_SEED ?? Date.now() % 1_000_000);
const recoverWithinMs = 90_000;
const body = '{"values": ["3.3","62.3","324"]}';

/** A small generator with a seed (mulberry32's constants), so that a failing campaign can be run again. */
function generator(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let home: TestHome;
const random = generator(seed);

beforeAll(async () => {
  home = await TestHome.create();
});

afterAll(async () => {
  await home.dispose();
});

async function answers(): Promise<void> {
  const deadline = Date.now() + recoverWithinMs;
  for (;;) {
    const { code, stdout, stderr } = await home.menagerie(["predict", "multiplier", "--data", body]);
    if (code === 0) return expect(JSON.parse(stdout)).toEqual({ results: [6.6, 124.6, 648] });
    if (Date.now() > deadline) throw new Error(`not back after ${recoverWithinMs / 1000} s (seed ${seed}): ${stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

test(`\`up\` interrupted ${rounds} times at random moments converges (seed ${seed})`, async () => {
  for (let round = 0; round < rounds; round += 1) {
    const interruptAfterMs = Math.floor(random() * 20_000);
    const { code, stderr } = await home.menagerie(["up"], { interruptAfterMs });
    // Null: the signal came before the program had begun to listen for it, and ended it.
    expect([0, 130, null], `round ${round}, ${interruptAfterMs} ms, seed ${seed}: ${stderr}`).toContain(code);
    if (random() < 0.3) await home.menagerie(["down"]);
  }
  const { code, stderr } = await home.menagerie(["up"]);
  expect(code, stderr).toBe(0);
  await answers();
});

test(`random processes killed ${rounds} times come back (seed ${seed})`, async () => {
  for (let round = 0; round < rounds; round += 1) {
    const victims = home
      .processes()
      .filter((candidate) => !/keeper\/main\.ts|^unshare |^flock /.test(candidate.command));
    const count = 1 + Math.floor(random() * 3);
    for (let killed = 0; killed < count; killed += 1) {
      const victim = victims[Math.floor(random() * victims.length)];
      // PID 1 of the namespace ends everything: that is the keeper's case.
      if (!victim || / init -- /.test(victim.command)) continue;
      try {
        process.kill(victim.pid, "SIGKILL");
      } catch {
        // Ended together with one killed before.
      }
    }
    await answers();
  }
});
