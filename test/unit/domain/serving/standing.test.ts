import { describe, expect, it } from "vitest";
import {
  declaredServing,
  describeStanding,
  isDown,
  judgeServed,
  type ObservedServed,
  type Served,
} from "../../../../src/domain/serving/standing.ts";

const urn = (name: string) => `urn:pulumi:local::menagerie::x::${name}`;
const ready = { namespace: "models", name: "iris-v2-3f9a", pool: "cpu", mode: "Standard", timeoutSeconds: 600 };

describe("what a stack serves", () => {
  const readyType = "pulumi-nodejs:dynamic/menagerie:ModelReady";
  const route = "kubernetes:networking.istio.io/v1:VirtualService";

  it("is its models and their recorders, its Deployments and its routes", () => {
    const metadata = { name: "api", namespace: "menagerie" };
    expect(
      declaredServing([
        { urn: urn("iris-v2"), type: readyType, outputs: ready },
        { urn: urn("next-recorder"), type: readyType, outputs: { ...ready, component: "transformer" } },
        { urn: urn("api"), type: "kubernetes:apps/v1:Deployment", outputs: { metadata } },
        { urn: urn("iris"), type: route, outputs: { metadata: { name: "iris", namespace: "models" } } },
        {
          urn: urn("next"),
          type: "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
          outputs: { metadata: { name: "next", namespace: "models" } },
        },
        { urn: urn("models"), type: "kubernetes:core/v1:Namespace", outputs: { metadata: { name: "models" } } },
      ]).map((each) => `${each.kind === "route" ? each.objectKind : each.kind} ${each.name} ${each.object}`),
    ).toEqual([
      ...["model iris-v2 iris-v2-3f9a", "model next-recorder iris-v2-3f9a", "service api api"],
      ...["VirtualService iris iris", "HTTPRoute next next"],
    ]);
  });

  it("is nothing that the engine is about to delete, or that was never made", () => {
    expect(
      declaredServing([
        { urn: urn("iris-v1"), type: readyType, outputs: ready, delete: true },
        { urn: urn("iris-v2"), type: readyType },
      ]),
    ).toEqual([]);
  });
});

const now = Date.parse("2026-01-01T12:00:00Z");
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();
const place = { namespace: "models", object: "iris", timeoutSeconds: 600 };
const model: Served = {
  ...place,
  kind: "model",
  name: "iris-v2",
  component: "predictor",
  pool: "cpu",
  mode: "Standard",
};
const service: Served = { ...place, kind: "service", name: "api" };
const route: Served = { ...place, kind: "route", name: "iris", objectKind: "VirtualService" };
const httpRoute: Served = { ...route, objectKind: "HTTPRoute" };

/** A Deployment with one pod that was started and changed its readiness so many seconds ago. */
function observed(pod: { ready?: boolean; started?: number; changed?: number; replicas?: number }): ObservedServed {
  const { ready = false, started = 3600, changed = started, replicas = 1 } = pod;
  const numbered = { "deployment.kubernetes.io/revision": "1" };
  const revision = { "menagerie.dev/revision": "r1" };
  const owned = (uid: string) => ({ ownerReferences: [{ kind: "x", uid }] });
  return {
    inferenceService: { metadata: { annotations: revision } },
    deployments: [
      {
        metadata: { name: "iris", uid: "d", annotations: numbered },
        spec: { replicas, template: { metadata: { annotations: revision } } },
      },
    ],
    replicaSets: [{ metadata: { uid: "rs", annotations: numbered, ...owned("d") } }],
    pods: [
      {
        metadata: { name: "iris-x", ...owned("rs") },
        status: {
          phase: "Running",
          conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: ago(changed) }],
          containerStatuses: [{ name: "kserve-container", ready, state: { running: { startedAt: ago(started) } } }],
        },
      },
    ],
    services: new Map([["models", new Set(["iris-predictor"])]]),
  };
}

/** The same of a recorder, on an InferenceService whose own revision is another one. */
function recorder(annotations: Record<string, string> | undefined): ObservedServed {
  const inferenceService = {
    metadata: { annotations: { "menagerie.dev/revision": "of the model" } },
    spec: { transformer: annotations ? { annotations } : {} },
  };
  return { ...observed({ ready: true }), inferenceService };
}

function leadingTo(...hosts: string[]): ObservedServed {
  return { ...observed({}), route: { spec: { http: [{ route: hosts.map((host) => ({ destination: { host } })) }] } } };
}

const accepted = ["Accepted", "ResolvedRefs"].map((type) => ({ type, status: "True" }));

/** An HTTPRoute with what its Gateway's controller says of it. */
function attached(conditions: readonly object[], name = "iris-predictor"): ObservedServed {
  const spec = { parentRefs: [{ name: "menagerie" }], rules: [{ backendRefs: [{ name, port: 80 }] }] };
  return { ...observed({}), route: { spec, status: { parents: conditions.length > 0 ? [{ conditions }] : [] } } };
}

describe("how it stands", () => {
  const cases: [string, Served, ObservedServed, string, boolean][] = [
    ["ready", model, observed({ ready: true }), "iris-v2 is ready", false],
    [
      "a recorder with a revision of its own",
      { ...model, component: "transformer" },
      recorder({ "menagerie.dev/revision": "r1" }),
      "iris-v2 is ready",
      false,
    ],
    [
      "a recorder that is one with its model",
      { ...model, component: "transformer" },
      recorder(undefined),
      "iris-v2 is starting: KServe has not taken up this revision yet",
      false,
    ],
    ["loading, within its time", model, observed({ started: 300 }), "iris-v2 is starting: 0 of 1 pods are ready", true],
    [
      "loading, and its time is over",
      model,
      observed({ started: 900 }),
      "iris-v2 is down: its pod started 15 min ago and has not been ready since",
      true,
    ],
    [
      "at a pause, as while a patch is loaded",
      model,
      observed({ changed: 20 }),
      "iris-v2 is starting: 0 of 1 pods are ready",
      true,
    ],
    [
      "ready until some time ago",
      model,
      observed({ changed: 180 }),
      "iris-v2 is down: its pod stopped answering 3 min ago",
      true,
    ],
    [
      "one of two pods, for hours",
      model,
      (() => {
        const one = observed({ ready: true, replicas: 2 });
        const [pod] = observed({ changed: 7200, started: 9000 }).pods;
        return { ...one, pods: [...one.pods, ...(pod ? [pod] : [])] };
      })(),
      "iris-v2 is starting: 1 of 2 pods are ready",
      false,
    ],
    [
      "scaled to zero by hand",
      model,
      { ...observed({ replicas: 0 }), pods: [] },
      "iris-v2 is down: Deployment iris is scaled to 0 pods",
      true,
    ],
    [
      "asleep",
      { ...model, mode: "Knative" },
      { ...observed({ replicas: 0 }), pods: [] },
      "iris-v2 is asleep: it is scaled to zero; the next request starts it",
      false,
    ],
    [
      "deleted",
      model,
      { ...observed({}), inferenceService: undefined },
      "iris-v2 is starting: its InferenceService does not exist yet",
      true,
    ],
    ["a service", service, observed({ ready: true }), "api is ready", false],
    [
      "a service that is gone",
      service,
      { ...observed({}), deployments: [] },
      "api is down: Deployment iris does not exist",
      true,
    ],
    ["a route", route, leadingTo("iris-predictor.models.svc.cluster.local"), "route iris is ready", false],
    [
      "a route into another namespace",
      route,
      leadingTo("gateway.istio-system.svc.cluster.local"),
      "route iris is ready",
      false,
    ],
    [
      "a route to nothing",
      route,
      leadingTo("iris-predictor.models.svc.cluster.local", "irs.models.svc.cluster.local"),
      "route iris is starting: it leads to Service irs, which does not exist",
      true,
    ],
    ["a route that is gone", route, observed({}), "route iris is down: its VirtualService does not exist", true],
    ["an HTTPRoute", httpRoute, attached(accepted), "route iris is ready", false],
    [
      "an HTTPRoute to nothing",
      httpRoute,
      attached(accepted, "irs-predictor"),
      "route iris is starting: it leads to Service irs-predictor, which does not exist",
      true,
    ],
    [
      "an HTTPRoute that its Gateway refuses",
      httpRoute,
      attached([{ type: "Accepted", status: "False", reason: "NotAllowedByListeners", message: "not allowed" }]),
      "route iris is down: its Gateway says NotAllowedByListeners: not allowed",
      true,
    ],
    [
      "an HTTPRoute without its grant",
      httpRoute,
      attached([
        ...accepted,
        { type: "ResolvedRefs", status: "False", reason: "RefNotPermitted", message: "no grant" },
      ]),
      "route iris is down: its Gateway says RefNotPermitted: no grant",
      true,
    ],
    [
      "an HTTPRoute one of whose shadows is gone",
      httpRoute,
      attached([...accepted, { type: "ResolvedRefs", status: "False", reason: "BackendNotFound", message: "shadow" }]),
      "route iris is ready",
      false,
    ],
    [
      "an HTTPRoute that nobody has looked at",
      httpRoute,
      attached([]),
      "route iris is down: no Gateway has taken it",
      true,
    ],
    ["an HTTPRoute that is gone", httpRoute, observed({}), "route iris is down: its HTTPRoute does not exist", true],
  ];
  it.each(cases)("%s", (_, served, seen, text, down) => {
    const standing = { served, readiness: judgeServed(served, seen, now) };
    expect(describeStanding(standing)).toBe(text);
    expect(isDown(standing)).toBe(down);
  });
});
