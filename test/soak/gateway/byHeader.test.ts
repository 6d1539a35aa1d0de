import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { modelRoute } from "../../../src/domain/serving/modelRoute.ts";
import { stickyHeaderManifest } from "../../../src/domain/serving/stickyHeader.ts";
import { type DividedRoute, renderTraffic, trafficObject } from "../../../src/domain/serving/trafficRoute.ts";
import { virtualServiceManifest } from "../../../src/domain/serving/virtualService.ts";
import { applyManifest, type Manifest } from "../../local/support/manifests.ts";
import { OwnGateway } from "../../support/gateway/ownGateway.ts";

/**
 * `by: <header>` of a rollout, as istiod translates what a stack declares for it and Envoy draws by it: 10,000 users, each of whom is asked
 * again and again, while the weight rises and falls as `up` and the guard change it.
 */

const space = "users-by-header";
const host = "by-header.test";
const header = "x-user";
const path = `/serving/${space}/iris/v1/models/model:predict`;
const users = Array.from({ length: 10_000 }, (_, number) => `user-${number}@example.com`);

const identity = { name: "iris", namespace: space, model: "iris", kind: "zoo", managedBy: "stack" } as const;
const gateway = { name: "istio-system/menagerie", hosts: [host] };
const side = (number: number) =>
  ({ versionId: `1${number}`, service: `iris-v${number}`, mode: "Standard", recorded: false }) as const;
const route: DividedRoute = { ...identity, gateway, paths: ["/generate"], old: side(1), new: side(2) };

let own: OwnGateway;
let generation = 0;

beforeAll(async () => {
  own = await OwnGateway.open(space, ["iris-v1-predictor", "iris-v2-predictor"]);
  await drawBy("content-1");
  await divide(10);
  const delegating = modelRoute({
    ...identity,
    gateway,
    mode: "Standard",
    paths: ["/generate"],
    delegate: trafficObject("iris"),
  });
  await applyManifest(own.cluster, virtualServiceManifest(delegating) as Manifest);
  await follows(10);
});

afterAll(() => own?.close());

/** The filter as a rollout to this content has it. */
async function drawBy(hash: string): Promise<void> {
  const { paths } = route;
  await applyManifest(own.cluster, stickyHeaderManifest({ ...identity, gateway, paths, header, hash }) as Manifest);
}

/** The object that divides requests, as `up` and the guard write it. */
async function divide(weight: number): Promise<void> {
  generation += 1;
  const pair = { model: "iris", from: "11", to: "12", hash: "content-1", changedAt: new Date(0) };
  const row = { ...pair, generation, weight, control: 0, sticky: `header:${header}` } as const;
  await applyManifest(own.cluster, renderTraffic(row, route) as Manifest);
}

async function sideOf(user: string | undefined, at = path): Promise<"old" | "new"> {
  const headers: Record<string, string> = user === undefined ? {} : { [header]: user };
  const { status, text } = await own.routes.ask(host, at, { method: "POST", body: "{}", headers });
  if (status !== 200) throw new Error(`${status} ${text}`);
  return (JSON.parse(text) as { server: string }).server === "iris-v2-predictor" ? "new" : "old";
}

/** Asks once for each of them, 32 requests at once; answers their sides in the same order. */
async function sidesOf(asked: readonly (string | undefined)[], at?: string): Promise<("old" | "new")[]> {
  const sides: ("old" | "new")[] = [];
  let next = 0;
  const one = async () => {
    while (next < asked.length) {
      const place = next;
      next += 1;
      sides[place] = await sideOf(asked[place], at);
    }
  };
  await Promise.all(Array.from({ length: 32 }, one));
  own.backends.taken("iris-v1-predictor");
  own.backends.taken("iris-v2-predictor");
  return sides;
}

async function newUsers(): Promise<Set<string>> {
  const sides = await sidesOf(users);
  return new Set(users.filter((_, place) => sides[place] === "new"));
}

/** Envoy's threads follow a change one after the other, so it is seen several times. */
async function follows(weight: number): Promise<void> {
  const some = users.slice(0, 400);
  for (let seen = 0; seen < 3; seen += 1) {
    await expect
      .poll(async () => Math.abs((await sidesOf(some)).filter((each) => each === "new").length / 400 - weight / 100))
      .toBeLessThan(0.1);
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
  const changed = divide(50);
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
  await divide(weight);
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
    expect(await sidesOf(some, `/serving/${space}/iris${inner}`), inner).toEqual(base);
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
    await divide(weight);
    await expect.poll(async () => new Set(await sidesOf(users.slice(0, 200)))).toEqual(new Set([answering]));
  }
});
