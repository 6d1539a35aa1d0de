import type { V1ObjectMeta } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { soon as holdsSoon } from "../support/soon.ts";
import { DividedModel } from "./dividedModel.ts";

/**
 * Copies of a rollout's requests for a version that sleeps, in a whole environment: they wake it, so that its answers are compared, and the
 * judge comes to a verdict. The old version multiplies by 2, the new one by 3.
 */

const model = "dozing";
let shared: SharedEnvironment;
let own: DividedModel;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
});

afterAll(() => shared?.close());

/** Whether the InferenceService that has this name, or one that was made from it, is told to be stopped. */
async function isAsleep(name: string): Promise<boolean> {
  const path = "/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices";
  const { items } = await requestJson<{ items: { metadata: V1ObjectMeta }[] }>(shared.kubeConfig(), "GET", path, {
    query: { labelSelector: `app.kubernetes.io/name=${name}` },
  });
  const [found] = items;
  if (!found) throw new Error(`${name} is not there`);
  return found.metadata.annotations?.["serving.kserve.io/stop"] === "true";
}

const soon = (check: () => Promise<void>) => holdsSoon(check, { within: 300_000 });

/** Nobody asks meanwhile. */
const bothSleep = (...names: readonly string[]) =>
  soon(async () => expect(await Promise.all(names.map(isAsleep))).toEqual(names.map(() => true)));

/** A request that wakes a version may take longer than one of `DividedModel`. */
async function ask(): Promise<string> {
  const response = await fetch(own.url, {
    method: "POST",
    body: DividedModel.body,
    signal: AbortSignal.timeout(120_000),
  });
  const text = await response.text();
  expect(response.ok, text).toBe(true);
  return text;
}

interface Standing {
  readonly takenBack: { readonly doneAt: string | null; readonly because: unknown } | null;
  readonly traffic: { readonly weight: number } | null;
}

test("`mirror` in phase copy wakes a copy that sleeps", async () => {
  const lines = ["replicas: { min: 0, idleMinutes: 1 }", "recording: {}"];
  own = await DividedModel.open(shared, model, { own: lines, copy: ["mirror: 50"] });
  await bothSleep("dozing-v1", "dozing-copy");
  await soon(async () => {
    expect(JSON.parse(await ask())).toEqual({ results: [4] });
    expect(await isAsleep("dozing-copy")).toBe(false);
  });
});

test("`judge.control` wakes the old version, whose answers take a bad one back", async () => {
  await own.rollout(["phase: version", "traffic: 100", "judge: { control: 50, minRequests: 1 }"]);
  await shared.up();
  await bothSleep("dozing-v1", "dozing-v2");
  let kept = 0;
  await soon(async () => {
    for (let asked = 0; asked < 10; asked += 1) await ask();
    if (!(await isAsleep("dozing-v1"))) kept += 1;
    const [standing] = await shared.json<Standing[]>("rollout", model, "--json");
    expect(standing?.takenBack?.doneAt).toEqual(expect.any(String));
    expect(standing?.traffic?.weight).toBe(0);
  });
  expect(kept).toBeGreaterThan(0);
  await soon(async () => expect(JSON.parse(await ask())).toEqual({ results: [4] }));
  console.log((await shared.succeed("rollout", model)).stdout);
});
