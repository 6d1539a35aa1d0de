import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { postToModel } from "../../src/adapters/kubernetes/workloads.ts";
import { versionHeader } from "../../src/domain/serving/activator.ts";
import { routeApis } from "../../src/domain/serving/route.ts";
import { SleepEnvironment, space } from "./sleepEnvironment.ts";

/**
 * A primary and shadows that sleep, and a version of the zoo that does, at a real gateway: by VirtualServices, and after a move by HTTPRoutes.
 */

let own: SleepEnvironment;
const sleepy = "replicas: { min: 0, idleMinutes: 1 }";
const small = "resources: { cpu: 100m, memory: 512Mi }";
const model = (factor: number) => `{ truss: models/multiplier, env: { FACTOR: "${factor}" }, ${small}, ${sleepy} }`;

const stack = (api: string): string => `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 180, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:gateway: { api: ${api} }
  menagerie:zoo:
    dozer: { truss: models/multiplier, phase: done, env: { FACTOR: "3" }, ${small}, ${sleepy} }
  menagerie:shadows:
    next:
      primary: ${model(2)}
      shadows: { tripled: ${model(3)}, fourfold: ${model(4)} }
`;
const sides = ["next-primary", "next-tripled", "next-fourfold"] as const;
const doubled = { status: 200, text: '{"results": [4.0]}' };

beforeAll(async () => {
  own = await SleepEnvironment.open(stack("istio"));
});

afterAll(() => own?.close());

/** Statuses of the answers that a side has stored for these requests. */
async function stored(side: string, ids: readonly string[]): Promise<number[]> {
  const { rows } = await own.pool.query<{ status: number }>(
    `SELECT status FROM shadow_next_${side}.inference_response WHERE request_id = ANY ($1)`,
    [ids],
  );
  return rows.map(({ status }) => status);
}

/** Resolves once each of these sides has stored one answer for every one of the requests. */
async function storedBy(ids: readonly string[], ...names: readonly string[]): Promise<void> {
  await vi.waitFor(
    async () => {
      for (const side of names) expect(await stored(side, ids), side).toEqual(ids.map(() => 200));
    },
    { timeout: 60_000, interval: 500 },
  );
}

/** So many predictions at once, by their ids; all must be the primary's. */
async function ask(count: number, headers: Readonly<Record<string, string>> = {}) {
  const ids = Array.from({ length: count }, () => randomUUID());
  const begun = performance.now();
  const answers = await Promise.all(ids.map((id) => own.predict("next", { "x-request-id": id, ...headers })));
  expect(answers).toEqual(ids.map(() => doubled));
  return { ids, seconds: (performance.now() - begun) / 1000 };
}

const allAsleep = async () =>
  Promise.all([...sides, await own.serviceOf("dozer")].map((service) => own.asleep(service)));

/** Wakes the primary alone: a request that does not come through the gateway has no copies. */
async function wakePrimary(): Promise<void> {
  const address = { config: own.cluster, namespace: space, name: "next-primary" };
  const body = { values: ["2"] };
  const asked = { path: "/v1/models/model:predict", mode: "Standard", revision: "", body } as const;
  const front = { servicesNamespace: "menagerie" };
  expect(await postToModel(address, { ...asked, front }, AbortSignal.timeout(120_000))).toEqual(doubled);
}

describe.each(routeApis)("by routes of %s", (api) => {
  test("`up` leads to what wakes them, and once more finds nothing to do while they sleep", async () => {
    await own.deploy(stack(api));
    await ask(1);
    await allAsleep();
    const again = await own.deploy(stack(api));
    expect(again).not.toMatch(/(updated|created|deleted|replaced) *$/m);
    for (const service of sides) expect(await own.podsOf(service)).toEqual([]);
    expect(await own.stateOf("next")).toBe("asleep");
    const { code, stdout } = await own.home.menagerie(["drift"]);
    expect({ code, stdout }).toMatchObject({ code: 0 });
  });

  test("50 requests at once while all sleep: the primary answers each, and both shadows have a copy of each", async () => {
    await allAsleep();
    const { ids, seconds } = await ask(50);
    console.log(`${api}: 50 requests while all sleep took ${seconds.toFixed(1)} s`);
    await storedBy(ids, "primary", "tripled", "fourfold");
    for (const service of sides) expect(await own.podsOf(service)).toHaveLength(1);
    expect(await own.podsOf(await own.serviceOf("dozer"))).toEqual([]);
  });

  test("while only the shadows sleep, clients wait for nothing, and every copy is answered in the end", async () => {
    await allAsleep();
    await wakePrimary();
    const { ids, seconds } = await ask(50, { [versionHeader]: "next-fourfold" });
    console.log(`${api}: 50 requests while the shadows sleep took ${seconds.toFixed(1)} s`);
    // By then no shadow can have answered.
    expect(await stored("tripled", ids)).toEqual([]);
    await storedBy(ids, "primary", "tripled", "fourfold");
    const { stdout } = await own.home.menagerie(["compare", "next", "--shadow", "tripled", "--json"]);
    const { result } = JSON.parse(stdout) as {
      result: { pairs: number; mismatches: number; factor: { factor: number; share: number } | null };
    };
    // Answers of one side are never taken for those of the other.
    expect(result).toMatchObject({ mismatches: result.pairs, factor: { factor: 1.5, share: 1 } });
  });

  test("a version of the zoo wakes for 50 requests at once, whatever version they name", async () => {
    const service = await own.serviceOf("dozer");
    await own.asleep(service);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => own.predict("dozer", { [versionHeader]: "next-primary" })),
    );
    expect(answers).toEqual(answers.map(() => ({ status: 200, text: '{"results": [6.0]}' })));
    expect(await own.podsOf(service)).toHaveLength(1);
  });
});

test("shadows that cannot start cost clients nothing: their pairs are missing, not mismatched", async () => {
  await allAsleep();
  await wakePrimary();
  await cordon(true);
  try {
    const { ids } = await ask(50);
    await storedBy(ids, "primary");
    await delay(10_000);
    expect(await stored("tripled", ids)).toEqual([]);
  } finally {
    await cordon(false);
  }
  const { ids } = await ask(1);
  await storedBy(ids, "primary", "tripled", "fourfold");
});

/** Whether the scheduler gives the cluster's nodes any more pods. */
async function cordon(unschedulable: boolean): Promise<void> {
  const path = "/api/v1/nodes";
  const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(own.cluster, "GET", path);
  for (const { metadata } of items) {
    const change = { contentType: "application/merge-patch+json", body: { spec: { unschedulable } } };
    await requestJson(own.cluster, "PATCH", `${path}/${metadata.name}`, change);
  }
}
