import { setTimeout as delay } from "node:timers/promises";
import { recorderManager as manager } from "../../domain/serving/recorder.ts";
import { refuse } from "./refusals.ts";
import { apply, isApiError, readIfThere, request, requestJson } from "./request.ts";
import type { ModelAddress } from "./workloads.ts";

type Address = Omit<ModelAddress, "component">;
type Json = Readonly<Record<string, unknown>>;

const apiVersion = "serving.kserve.io/v1beta1";
/** What KServe makes of a transformer in either mode (v0.20), all of it with the labels below. */
const madeOfIt = ["apis/serving.knative.dev/v1", "apis/apps/v1", "api/v1", "apis/autoscaling/v2"] as const;
const kinds: Readonly<Record<(typeof madeOfIt)[number], readonly string[]>> = {
  "apis/serving.knative.dev/v1": ["services"],
  "apis/apps/v1": ["deployments"],
  "api/v1": ["services"],
  "apis/autoscaling/v2": ["horizontalpodautoscalers"],
};
/** Until nothing of it is there twice in a row, in milliseconds: KServe may be about to make what it saw wanted a moment ago. */
const [betweenLooks, goneWithin] = [500, 60_000];

/**
 * Makes `transformer` the one of the InferenceService, and touches nothing else of it.
 * @throws OperatorError where there is no such InferenceService
 */
export async function applyTransformer({ config, namespace, name }: Address, transformer: Json): Promise<void> {
  const path = pathOf({ namespace, name });
  const found = await readIfThere<{ metadata: { uid: string } }>(config, path);
  if (!found) throw refuse("model.not-there", { name, namespace });
  // With its uid, an apply makes no InferenceService that is nothing but a transformer, should it have gone meanwhile.
  const metadata = { name, namespace, uid: found.metadata.uid };
  await apply(config, path, { apiVersion, kind: "InferenceService", metadata, spec: { transformer } }, manager);
}

/** Of the transformer that is there the fields that `declared` names; undefined where there is none. */
export async function readTransformer({ config, namespace, name }: Address, declared: Json): Promise<Json | undefined> {
  const found = await readIfThere<{ spec?: { transformer?: Json } }>(config, pathOf({ namespace, name }));
  const transformer = found?.spec?.transformer;
  return transformer && (fieldsOf(declared, transformer) as Json);
}

/**
 * Takes the transformer away. KServe (v0.20, `controller.go`) reconciles the components that are declared and leaves what it made of one
 * that is not any more, so that is deleted here; its pods end as any do, with the time that they have for what is under way.
 */
export async function removeTransformer(address: Address, signal: AbortSignal): Promise<void> {
  const { config, namespace, name } = address;
  try {
    await requestJson(config, "PATCH", pathOf(address), {
      body: { spec: { transformer: null } },
      contentType: "application/merge-patch+json",
      query: { fieldManager: manager },
    });
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
  }
  const query = { labelSelector: `serving.kserve.io/inferenceservice=${name},component=transformer` };
  const deadline = performance.now() + goneWithin;
  for (let emptyLooks = 0; emptyLooks < 2; ) {
    let found = 0;
    for (const group of madeOfIt) {
      for (const kind of kinds[group]) {
        const collection = `/${group}/namespaces/${namespace}/${kind}`;
        const list = await readIfThere<{ items: { metadata: { name: string } }[] }>(config, collection, { query });
        for (const { metadata } of list?.items ?? []) {
          found += 1;
          await removed(address, `${collection}/${metadata.name}`);
        }
      }
    }
    emptyLooks = found === 0 ? emptyLooks + 1 : 0;
    if (emptyLooks === 2) return;
    if (performance.now() > deadline) throw refuse("model.recorder-stays", { name, namespace });
    await delay(betweenLooks, undefined, { signal });
  }
}

async function removed({ config }: Address, path: string): Promise<void> {
  try {
    const response = await request(config, "DELETE", path, { body: { propagationPolicy: "Background" } });
    await response.body?.cancel();
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
  }
}

function pathOf({ namespace, name }: Pick<Address, "namespace" | "name">): string {
  return `/apis/${apiVersion}/namespaces/${namespace}/inferenceservices/${name}`;
}

/** The live value reduced to what was declared: fields that the cluster adds by itself, such as defaults, are not drift. */
function fieldsOf(declared: unknown, live: unknown): unknown {
  if (Array.isArray(declared) && Array.isArray(live)) {
    return live.map((each, index) => (index < declared.length ? fieldsOf(declared[index], each) : each));
  }
  if (typeof declared !== "object" || declared === null || typeof live !== "object" || live === null) return live;
  const there = live as Json;
  return Object.fromEntries(
    Object.entries(declared)
      .filter(([key]) => key in there)
      .map(([key, value]) => [key, fieldsOf(value, there[key])]),
  );
}
