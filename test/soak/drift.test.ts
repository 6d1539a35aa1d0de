import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDrift, takeBack } from "../../src/adapters/kubernetes/drift.ts";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { apply, isApiError, request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { type DeclaredObject, declaredObjects } from "../../src/domain/drift/declaredObjects.ts";
import { describeDrift } from "../../src/domain/drift/describe.ts";
import type { FieldDrift } from "../../src/domain/drift/drift.ts";
import type { LiveObject, Place } from "../../src/domain/drift/fields.ts";
import { isMapping } from "../../src/domain/mapping.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { applyManifest, type Manifest, namespace, pathOf } from "../local/support/manifests.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { postgresClusterDefinition } from "../local/support/postgresClusterDefinition.ts";

/** Every kind that a stack declares, on a real API server: each of its fields is changed and removed by hand, and others are added. */

const signal = new AbortController().signal;
const golden = async (name: string): Promise<Record<string, Record<string, unknown>>> => {
  const text = JSON.parse(await readFile(join(import.meta.dirname, "../golden", `${name}.json`), "utf8"));
  return text.resources ?? text;
};

/** Two of each kind are enough. */
const manifestsOfKind = 2;
const objects: DeclaredObject[] = [];
for (const name of ["local", "staging", "prod", "local.state"]) {
  for (const [key, manifest] of Object.entries(await golden(name))) declare(key, manifest);
}
// No committed stack has its routes by Gateway API.
declare("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute one-shadow", {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: {
    name: "one-shadow",
    namespace: "models",
    annotations: { "pulumi.com/patchFieldManager": "menagerie" },
  },
  spec: (await golden("routes"))["one shadow"]?.httpRoute,
});

function declare(key: string, manifest: Record<string, unknown>): void {
  const { apiVersion, kind, metadata } = manifest as Partial<Manifest>;
  if (apiVersion === undefined || kind === undefined || !isMapping(metadata)) return;
  const { value: _, ...rest } = manifest;
  const named = { ...rest, metadata: { ...metadata, name: metadata.name ?? "made-up" } };
  const [type = ""] = key.split(" ");
  const [object] = declaredObjects([{ urn: key, type, inputs: encrypted(named), outputs: named }]);
  const known = objects.filter((each) => each.kind === kind && each.partly === object?.partly);
  if (!object || known.length >= manifestsOfKind || known.some(({ what }) => what === object.what)) return;
  objects.push(object);
}

/** Secrets as the engine exports them: the golden files hold their values. */
function encrypted(value: unknown): never {
  if (Array.isArray(value)) return value.map(encrypted) as never;
  if (!isMapping(value)) return value as never;
  if ("4dabf18193072939515e22adb298388d" in value) {
    return {
      "4dabf18193072939515e22adb298388d": value["4dabf18193072939515e22adb298388d"],
      plaintext: JSON.stringify(value.value),
    } as never;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, encrypted(inner)])) as never;
}

/** A field of each kind that its stacks do not declare; `null` where its API has none outside of metadata. */
const additions: Record<string, { readonly path: string; readonly value: unknown } | null> = {
  AuthorizationPolicy: { path: "/spec/rules/0/when", value: [{ key: "request.headers[x]", values: ["y"] }] },
  ClusterRole: { path: "/rules/-", value: { apiGroups: [""], resources: ["added"], verbs: ["get"] } },
  ClusterRoleBinding: {
    path: "/subjects/-",
    value: { kind: "User", name: "added", apiGroup: "rbac.authorization.k8s.io" },
  },
  ConfigMap: { path: "/data/added", value: "by hand" },
  CronJob: { path: "/spec/jobTemplate/spec/ttlSecondsAfterFinished", value: 77 },
  Deployment: { path: "/spec/minReadySeconds", value: 7 },
  DestinationRule: { path: "/spec/trafficPolicy/loadBalancer", value: { simple: "RANDOM" } },
  EC2NodeClass: { path: "/spec/detailedMonitoring", value: true },
  EnvoyFilter: { path: "/spec/priority", value: 7 },
  InferenceService: { path: "/spec/predictor/timeout", value: 77 },
  LocalNodeClass: { path: "/spec/capacity/ephemeral-storage", value: "1Gi" },
  Namespace: null,
  NetworkPolicy: { path: "/spec/egress", value: [{ to: [{ podSelector: {} }] }] },
  NodePool: { path: "/spec/template/spec/terminationGracePeriod", value: "77m" },
  Pipeline: { path: "/spec/displayName", value: "by hand" },
  PostgresCluster: { path: "/spec/shutdown", value: true },
  PriorityClass: null,
  Role: { path: "/rules/-", value: { apiGroups: [""], resources: ["added"], verbs: ["get"] } },
  RoleBinding: { path: "/subjects/-", value: { kind: "User", name: "added", apiGroup: "rbac.authorization.k8s.io" } },
  Secret: { path: "/data/added", value: Buffer.from("by hand").toString("base64") },
  Service: { path: "/spec/ports/-", value: { name: "added", port: 8888, protocol: "TCP" } },
  ServiceAccount: { path: "/imagePullSecrets", value: [{ name: "added" }] },
  Task: { path: "/spec/displayName", value: "by hand" },
  HTTPRoute: { path: "/spec/rules/0/timeouts", value: { request: "5s" } },
  VirtualService: { path: "/spec/http/0/timeout", value: "5s" },
};
let home: TestHome;
let cluster: KubeConfig;

beforeAll(async () => {
  home = await TestHome.create(await copyOfCheckout());
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
  await applyManifest(cluster, postgresClusterDefinition());
  const namespaces = new Set(["baseten", "istio-ingress", ...objects.flatMap((each) => each.namespace ?? [])]);
  for (const name of namespaces) await applyManifest(cluster, namespace(name));
});

afterAll(() => home.dispose());

const path = (object: DeclaredObject): Promise<string> =>
  pathOf(cluster, { ...object, metadata: { ...object } } as Manifest);

async function patch(
  object: DeclaredObject,
  op: "replace" | "remove" | "add",
  pointer: string,
  value?: unknown,
): Promise<boolean> {
  try {
    await request(cluster, "PATCH", await path(object), {
      body: [{ op, path: pointer, ...(op === "remove" ? {} : { value }) }],
      contentType: "application/json-patch+json",
      query: { fieldManager: "kubectl-patch" },
    });
    return true;
  } catch (error) {
    // What the API does not allow nobody can do by hand.
    if (isApiError(error) && error.code < 500) return false;
    throw error;
  }
}

/** What is not as declared. */
async function drift(object: DeclaredObject): Promise<readonly FieldDrift[]> {
  return (await reported(object)).filter(({ kind }) => kind !== "held");
}

async function reported(object: DeclaredObject): Promise<readonly FieldDrift[]> {
  const [found] = await readDrift(cluster, [object], signal);
  return found?.fields ?? [];
}

async function restored(object: DeclaredObject): Promise<string[]> {
  const [found] = await readDrift(cluster, [object], signal);
  if (found) await takeBack(cluster, object, signal);
  return (await drift(object)).map((each) => describeDrift(each, false));
}

/** Scalars of the manifest outside of metadata. */
function leaves(value: unknown, place: Place = []): { readonly place: Place; readonly value: unknown }[] {
  if (Array.isArray(value)) return value.flatMap((item, at) => leaves(item, [...place, at]));
  if (isMapping(value)) {
    const entries = Object.entries(value).filter(
      ([key]) => place.length > 0 || !["apiVersion", "kind", "metadata", "stringData"].includes(key),
    );
    return entries.flatMap(([key, inner]) => leaves(inner, [...place, key]));
  }
  return [{ place, value }];
}

const pointer = (place: Place): string =>
  place.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** Changes a scalar to the first other value that its API takes. */
async function changedSomehow(object: DeclaredObject, place: Place, value: unknown): Promise<boolean> {
  const text = String(value);
  const others =
    typeof value === "number"
      ? [value + 1, value - 1]
      : typeof value === "boolean"
        ? [!value]
        : [`${text}x`, "YnkgaGFuZA==", "9", "9Gi", "Egress", "ALLOW", "Exists", "ReadWriteMany", "7m"];
  for (const other of others) {
    if (other === value || !(await patch(object, "replace", pointer(place), other))) continue;
    // A webhook may have put it back at once.
    const live = await requestJson<LiveObject>(cluster, "GET", await path(object));
    if (valueAt(live, place) !== value) return true;
  }
  return false;
}

const touches = (one: Place, other: Place): boolean =>
  one.every((part, at) => at >= other.length || other[at] === part);

function valueAt(object: unknown, place: Place): unknown {
  return place.reduce<unknown>((inner, part) => (inner as Record<string, unknown> | undefined)?.[part], object);
}

test("every kind is in the table of additions", () => {
  expect([...new Set(objects.map(({ kind }) => kind))].sort()).toEqual(Object.keys(additions).sort());
});

describe.each(objects.map((object) => [object.partly ? `${object.what} (partly)` : object.what, object] as const))(
  "%s",
  (_, object) => {
    beforeAll(async () => {
      await apply(cluster, await path(object), object.manifest, object.manager);
    });

    test("as it was applied, nothing is drift", async () => {
      expect((await drift(object)).map((each) => describeDrift(each, false))).toEqual([]);
    });

    test("each field that is changed by hand is told and taken back", async () => {
      const silent: string[] = [];
      const left: string[] = [];
      let changed = 0;
      for (const { place, value } of leaves(object.manifest)) {
        if (!(await changedSomehow(object, place, value))) continue;
        changed += 1;
        const found = await drift(object);
        if (!found.some((each) => touches(each.place, place)))
          silent.push(`${pointer(place)}: ${JSON.stringify(found)}`);
        left.push(...(await restored(object)));
      }
      expect({ silent, left }).toEqual({ silent: [], left: [] });
      if (!["Namespace", "ServiceAccount", "PriorityClass", "Secret"].includes(object.kind))
        expect(changed).toBeGreaterThan(0);
    });

    test("a field that is written back by hand is as applied, in another hand, and taken back", async () => {
      if (object.partly) return;
      for (const { place, value } of leaves(object.manifest)) {
        if (!(await changedSomehow(object, place, value))) continue;
        if (!(await patch(object, "replace", pointer(place), value))) continue;
        const found = await reported(object);
        expect(found.map(({ kind, by }) => [kind, by?.manager])).toContainEqual(["held", "kubectl-patch"]);
        await takeBack(cluster, object, signal);
        expect(await reported(object)).toEqual([]);
        return;
      }
    });

    test("each field that is removed by hand is told and taken back", async () => {
      const silent: string[] = [];
      const left: string[] = [];
      for (const { place, value } of leaves(object.manifest)) {
        if (!(await patch(object, "remove", pointer(place)))) continue;
        const live = await requestJson<LiveObject>(cluster, "GET", await path(object));
        const found = await drift(object);
        // What is removed and defaulted to the same is as declared.
        const isGone = JSON.stringify(valueAt(live, place)) !== JSON.stringify(value);
        const empty = value === false || value === 0 || value === "";
        if (isGone && !empty && !found.some((each) => touches(each.place, place))) silent.push(pointer(place));
        left.push(...(await restored(object)));
      }
      expect({ silent, left }).toEqual({ silent: [], left: [] });
    });

    test("a field that is added by hand is told with who did it, and taken back", async () => {
      const addition = additions[object.kind];
      if (!addition) return;
      expect(await patch(object, "add", addition.path, addition.value)).toBe(true);
      const found = await drift(object);
      if (object.partly) expect(found).toEqual([]);
      else {
        expect(found.map((each) => describeDrift(each, false)).join("\n")).toMatch(/kubectl-patch/);
        expect(await restored(object)).toEqual([]);
        const last = addition.path.split("/").at(-1);
        const live = await requestJson<LiveObject>(cluster, "GET", await path(object));
        if (last !== "-") expect(valueAt(live, addition.path.split("/").slice(1))).toBeUndefined();
        else expect(JSON.stringify({ ...live, metadata: null })).not.toContain('"added"');
      }
    });

    test("a label of somebody else's is not drift, and a declared one that is changed is", async () => {
      await patch(object, "add", "/metadata/labels/added", "by-hand");
      expect(await drift(object)).toEqual([]);
      const [label] = Object.keys((valueAt(object.manifest, ["metadata", "labels"]) as object | undefined) ?? {});
      if (label === undefined) return;
      await patch(object, "replace", `/metadata/labels/${label.replaceAll("/", "~1")}`, "by-hand");
      expect((await drift(object)).map(({ place }) => place)).toEqual([["metadata", "labels", label]]);
      expect(await restored(object)).toEqual([]);
      expect(
        valueAt(await requestJson<LiveObject>(cluster, "GET", await path(object)), ["metadata", "labels", "added"]),
      ).toBe("by-hand");
    });

    test("deleted, it is told", async () => {
      if (object.kind === "Namespace") return;
      await request(cluster, "DELETE", await path(object));
      const gone = async () => (await readDrift(cluster, [object], signal)).map(({ live }) => live === undefined);
      await expect.poll(gone, { timeout: 60_000 }).toEqual([true]);
    });
  },
);
