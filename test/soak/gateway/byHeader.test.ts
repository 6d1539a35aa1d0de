import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stickyHeaderManifest } from "../../../src/domain/serving/stickyHeader.ts";
import type { RolloutSide } from "../../../src/domain/zoo/traffic.ts";
import { applyManifest, type Manifest } from "../../local/support/manifests.ts";
import { DividedIris } from "../../support/gateway/dividedIris.ts";
import { soon } from "../../support/soon.ts";

/**
 * `by: <header>` of a rollout, as istiod translates what a stack declares for it and Envoy draws by it: 10,000 users, each of whom is asked
 * again and again, while the weight rises and falls as `up` and the guard change it.
 */

const header = "x-user";
const users = Array.from({ length: 10_000 }, (_, number) => `user-${number}@example.com`);
let iris: DividedIris;

beforeAll(async () => {
  iris = await DividedIris.open("users-by-header", split(10));
  await drawBy("content-1");
  await follows(10);
});

afterAll(() => iris?.own.close());

const split = (weight: number) => ({ weight, sticky: `header:${header}` }) as const;

/** The filter as a rollout to this content has it. */
async function drawBy(hash: string): Promise<void> {
  const { old: _, new: __, ...route } = iris.route;
  await applyManifest(iris.own.cluster, stickyHeaderManifest({ ...route, header, hash }) as Manifest);
}

async function sidesOf(asked: readonly (string | undefined)[], inner?: string): Promise<RolloutSide[]> {
  const headers = asked.map((user): Record<string, string> => (user === undefined ? {} : { [header]: user }));
  const sides = await iris.askAll(headers, inner);
  iris.own.backends.seen.splice(0);
  return sides;
}

async function newUsers(): Promise<Set<string>> {
  const sides = await sidesOf(users);
  return new Set(users.filter((_, place) => sides[place] === "new"));
}

/** Envoy's threads follow a change one after the other, so it is seen several times; without the filter nobody would stay on a side. */
async function follows(weight: number): Promise<void> {
  const some = users.slice(0, 400);
  for (let seen = 0; seen < 3; seen += 1) {
    await soon(
      async () => {
        const [once, again] = [await sidesOf(some), await sidesOf(some)];
        expect(again).toEqual(once);
        expect(Math.abs(once.filter((side) => side === "new").length / some.length - weight / 100)).toBeLessThan(0.1);
      },
      { within: 60_000 },
    );
    await delay(100);
  }
}

const isWithin = (one: ReadonlySet<string>, other: ReadonlySet<string>) => [...one].every((user) => other.has(user));
const first = new Map<number, ReadonlySet<string>>();

/** Those of the first users who are on the new version. */
const among = (all: ReadonlySet<string>, most: number) => new Set(users.slice(0, most).filter((user) => all.has(user)));

test("of 10,000 users nobody is on two sides, and the share is within a point", async () => {
  const once = await newUsers();
  expect(await newUsers()).toEqual(once);
  console.log(`by header, 10 %: ${once.size} of ${users.length} on the new version, twice the same`);
  expect(Math.abs(once.size / users.length - 0.1), `${once.size}`).toBeLessThan(0.01);
  first.set(10, once);
});

test("while the weight rises, users go to the new version, and nobody comes back", async () => {
  const before = first.get(10) ?? new Set();
  const changed = iris.divide(split(50));
  const during = await newUsers();
  expect(isWithin(before, during)).toBe(true);
  await changed;
  await follows(50);
  const after = await newUsers();
  console.log(`by header, 50 %: ${after.size} of ${users.length} on the new version, ${during.size} while it rose`);
  expect(isWithin(during, after)).toBe(true);
  expect(Math.abs(after.size / users.length - 0.5), `${after.size}`).toBeLessThan(0.01);
  first.set(50, after);
});

test.each([30, 0.5, 50, 10])("at %d % of them, as a guard lowers it too, only those move who must", async (weight) => {
  await iris.divide(split(weight));
  await follows(weight);
  const some = users.slice(0, 1_000);
  const sides = await sidesOf(some);
  const now = new Set(some.filter((_, place) => sides[place] === "new"));
  for (const [other, all] of first) {
    const their = among(all, 1_000);
    expect(other <= weight ? isWithin(their, now) : isWithin(now, their), `${other} and ${weight}`).toBe(true);
    if (other === weight) expect(now).toEqual(their);
  }
});

test("all paths of the model have one division, paths of its own among them", async () => {
  const some = users.slice(0, 200);
  const base = await sidesOf(some);
  for (const inner of ["/v2/models/iris/infer", "/openai/v1/completions", "/generate"]) {
    expect(await sidesOf(some, inner), inner).toEqual(base);
  }
});

test("a request without the header is drawn by itself", async () => {
  const count = 1_000;
  const found = (await sidesOf(Array.from({ length: count }, () => undefined))).filter((each) => each === "new").length;
  expect(Math.abs(found - count / 10), `${found} of ${count}`).toBeLessThan(5 * Math.sqrt(count * 0.09));
});

test("the next content has other users first", async () => {
  const before = [...(first.get(10) ?? [])];
  await drawBy("content-2");
  // By chance one in ten.
  await expect
    .poll(async () => (await sidesOf(before)).filter((each) => each === "new").length / before.length)
    .toBeLessThan(0.2);
});

test("at 0 and at 100 % one version answers everybody", async () => {
  for (const [weight, answering] of [
    [0, "old"],
    [100, "new"],
  ] as const) {
    await iris.divide(split(weight));
    await expect.poll(async () => new Set(await sidesOf(users.slice(0, 200)))).toEqual(new Set([answering]));
  }
});
