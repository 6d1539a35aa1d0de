import type { KubeConfig } from "@kubernetes/client-node";
import { readIfThere, requestJson } from "../../adapters/kubernetes/request.ts";
import { embeddedGateway } from "../../domain/serving/embeddedGateway.ts";
import type { ChangedObject } from "./rejections.ts";

/** An object that istiod makes Envoy's tables of. */
export interface RoutingObject extends ChangedObject {
  readonly apiVersion: string;
  readonly path: string;
  readonly uid: string;
  /** Of its spec: labels do not count. */
  readonly generation: number;
  /** Why it is left out, and the generation that was refused: NaN where it is only tried. Undefined where istiod reads it. */
  readonly leftOut?: { readonly reason: string; readonly generation: number } | undefined;
}

/** APIs that istiod makes Envoy's tables of. */
const apis = [
  ...["networking.istio.io/v1", "networking.istio.io/v1alpha3", "security.istio.io/v1", "telemetry.istio.io/v1"],
  ...["extensions.istio.io/v1alpha1", "gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"],
];

/** istiod reads the objects of its own revision, and those that name none (https://istio.io/latest/docs/reference/config/labels/). */
const revision = "istio.io/rev";
const leftOutRevision = "left-out";
const annotations = {
  reason: "menagerie.dev/refused-by-envoy",
  generation: "menagerie.dev/refused-generation",
} as const;
const manager = "menagerie-local-gateway";

interface Stored {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly generation?: number;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly {
      readonly manager?: string;
      readonly subresource?: string;
      readonly time?: string;
    }[];
  };
}

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

/** All of them but those that the environment has itself, or those that are left out. */
export async function routingObjects(
  config: KubeConfig,
  { leftOut = false }: { readonly leftOut?: boolean } = {},
): Promise<readonly RoutingObject[]> {
  const query = { labelSelector: leftOut ? `${revision}=${leftOutRevision}` : `${revision}!=${leftOutRevision}` };
  const found = await Promise.all(
    apis.map(async (apiVersion) => {
      // An API that this cluster does not have makes nothing.
      const served = await readIfThere<ResourceList>(config, `/apis/${apiVersion}`);
      const plain = (served?.resources ?? []).filter(({ name }) => !name.includes("/"));
      const lists = plain.map(async ({ name, kind }) => {
        const { items } = await requestJson<{ items: Stored[] }>(config, "GET", `/apis/${apiVersion}/${name}`, {
          query,
        });
        return items.map((item) => routingObject({ apiVersion, kind, plural: name }, item));
      });
      return (await Promise.all(lists)).flat();
    }),
  );
  // Several versions of one API have the same objects.
  const byUid = new Map(found.flat().map((object) => [object.uid, object]));
  return [...byUid.values()].filter((object) => !isOwn(object));
}

function isOwn({ kind, namespace, name }: RoutingObject): boolean {
  const isMeshs = namespace === embeddedGateway.namespace && name === embeddedGateway.name;
  return kind === "GatewayClass" || (isMeshs && (kind === "Gateway" || kind === "EnvoyFilter"));
}

function routingObject(
  { apiVersion, kind, plural }: { readonly apiVersion: string; readonly kind: string; readonly plural: string },
  { metadata }: Stored,
): RoutingObject {
  const { name, namespace = "", uid, generation = 0, creationTimestamp, managedFields = [] } = metadata;
  // Neither what is left out or taken back by this file nor what istiod says of an object changes it.
  const changes = managedFields.filter((each) => each.manager !== manager && each.subresource === undefined);
  const times = [creationTimestamp, ...changes.flatMap(({ time }) => time ?? [])].map((time) => Date.parse(time));
  const refused = {
    reason: metadata.annotations?.[annotations.reason] ?? "",
    generation: Number(metadata.annotations?.[annotations.generation]),
  };
  return {
    apiVersion,
    kind,
    namespace,
    name,
    uid,
    generation,
    path: `/apis/${apiVersion}${namespace ? `/namespaces/${namespace}` : ""}/${plural}/${name}`,
    changedAt: Math.max(...times),
    leftOut: metadata.labels?.[revision] === leftOutRevision ? refused : undefined,
  };
}

/** The object as it is now; undefined where it is gone. */
export async function currentObject(config: KubeConfig, object: RoutingObject): Promise<RoutingObject | undefined> {
  const stored = await readIfThere<Stored>(config, object.path);
  const [plural = ""] = object.path.split("/").slice(-2);
  return stored?.metadata.uid === object.uid ? routingObject({ ...object, plural }, stored) : undefined;
}

/** Keeps istiod from reading an object. */
export async function leaveOut(config: KubeConfig, object: RoutingObject): Promise<void> {
  await patched(config, object.path, { metadata: { labels: { [revision]: leftOutRevision } } });
}

/** Undoes {@link leaveOut} and {@link sayRefused}. */
export async function takeBack(config: KubeConfig, object: RoutingObject): Promise<void> {
  const removed = { [annotations.reason]: null, [annotations.generation]: null };
  await patched(config, object.path, { metadata: { labels: { [revision]: null }, annotations: removed } });
}

/** Says on an object that is left out why it is, until its spec changes. */
export async function sayRefused(config: KubeConfig, object: RoutingObject, reason: string): Promise<void> {
  const refused = { [annotations.reason]: reason, [annotations.generation]: String(object.generation) };
  await patched(config, object.path, { metadata: { annotations: refused } });
  const message = `the gateway leaves it out, because Envoy refuses it: ${reason}`;
  await setCondition(config, object, message);
  await writeEvent(config, object, { type: "Warning", reason: "LeftOut", message });
}

/** Says that it is read again. */
export async function sayTakenBack(config: KubeConfig, object: RoutingObject): Promise<void> {
  await setCondition(config, object, undefined);
  await writeEvent(config, object, { type: "Normal", reason: "TakenBack", message: "the gateway reads it again" });
}

/** Of Istio's kinds: an HTTPRoute's status is istiod's own. */
async function setCondition(config: KubeConfig, object: RoutingObject, message: string | undefined): Promise<void> {
  if (!object.apiVersion.includes(".istio.io/")) return;
  const lastTransitionTime = new Date().toISOString();
  const condition = { type: "Reconciled", status: "False", reason: "RefusedByEnvoy", message, lastTransitionTime };
  const conditions = message === undefined ? null : [condition];
  await patched(config, `${object.path}/status`, { status: { conditions } });
}

async function writeEvent(
  config: KubeConfig,
  { apiVersion, kind, namespace, name, uid }: RoutingObject,
  event: { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string },
): Promise<void> {
  const now = new Date().toISOString();
  const metadata = { generateName: `${name}.`, namespace };
  const involvedObject = { apiVersion, kind, namespace, name, uid };
  const times = { firstTimestamp: now, lastTimestamp: now, count: 1 };
  await requestJson(config, "POST", `/api/v1/namespaces/${namespace}/events`, {
    body: { metadata, involvedObject, ...event, ...times, source: { component: "menagerie" } },
  });
}

async function patched(config: KubeConfig, path: string, body: object): Promise<void> {
  await requestJson(config, "PATCH", path, {
    body,
    contentType: "application/merge-patch+json",
    query: { fieldManager: manager },
  });
}
