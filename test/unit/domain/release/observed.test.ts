import { describe, expect, it } from "vitest";
import { routedModels, servedModels } from "../../../../src/domain/release/observed.ts";
import { httpRouteManifest } from "../../../../src/domain/serving/httpRoute.ts";
import { modelRoute } from "../../../../src/domain/serving/modelRoute.ts";
import type { ObservedRoute } from "../../../../src/domain/serving/observedRoute.ts";
import type { RouteApi } from "../../../../src/domain/serving/route.ts";
import { renderTraffic } from "../../../../src/domain/serving/trafficRoute.ts";
import { virtualServiceManifest } from "../../../../src/domain/serving/virtualService.ts";

it.each([
  ["Standard", false],
  ["Standard", true],
  ["Knative", false],
  ["Knative", true],
] as const)("a release has the model that a route leads to, in %s mode, recorded: %s", (mode, recorded) => {
  const identity = { name: "iris", namespace: "models", model: "iris", kind: "zoo", managedBy: "stack" } as const;
  const gateway = { name: "g/g", hosts: ["*"] };
  const route = virtualServiceManifest(
    modelRoute({ ...identity, service: "iris-v2-1a2b3c4d", recorded, mode, gateway }),
  );
  const metadata = {
    name: "iris-v2-1a2b3c4d",
    labels: { "app.kubernetes.io/name": "iris-v2" },
    annotations: { "menagerie.dev/truss-hash": "h2" },
  };
  const image = "registry/iris@sha256:2";
  const service = { metadata, spec: { predictor: { containers: [{ image }] } } };
  expect(servedModels([route], [service])).toEqual([
    { name: "iris", service: "iris-v2", source: "zoo", hash: "h2", version: 2, digest: "sha256:2" },
  ]);
});

it.each([
  ["Standard", 10, "iris-v1"],
  ["Knative", 10, "iris-v1"],
  ["Standard", 100, "iris-v2"],
  ["Knative", 100, "iris-v2"],
] as const)(
  "of requests that are divided it has the version that is current, in %s mode at %d %%",
  (mode, weight, current) => {
    const identity = { name: "iris", namespace: "models", model: "iris", kind: "zoo", managedBy: "stack" } as const;
    const gateway = { name: "g/g", hosts: ["*"], checksKeys: true };
    const side = (number: number) => ({ versionId: `1${number}`, service: `iris-v${number}`, mode, recorded: false });
    const batches = { servicesNamespace: "menagerie" };
    const row = { model: "iris", from: "11", to: "12", hash: "h2", generation: 1, changedAt: new Date(0) };
    const split = { weight, control: 0, sticky: "cookie" } as const;
    const traffic = renderTraffic({ ...row, ...split }, { ...identity, gateway, batches, old: side(1), new: side(2) });
    const route = virtualServiceManifest(modelRoute({ ...identity, mode, gateway, delegate: "iris-traffic" }));
    const services = ["iris-v1", "iris-v2"].map((name) => ({ metadata: { name } }));
    for (const routes of [
      [route, traffic],
      [traffic, route],
    ]) {
      expect(servedModels(routes, services)).toMatchObject([{ name: "iris", service: current }]);
    }
  },
);

describe("of a rollout whose end the engine has not cleaned up yet", () => {
  const identity = { name: "iris", namespace: "models", model: "iris", kind: "zoo", managedBy: "stack" } as const;
  const services = ["iris-v1", "iris-v2"].map((name) => ({ metadata: { name } }));
  const side = (number: number) => ({
    versionId: `1${number}`,
    service: `iris-v${number}`,
    mode: "Standard" as const,
    recorded: false,
  });
  const row = { model: "iris", from: "11", to: "12", hash: "h2", generation: 1, changedAt: new Date(0) };
  const traffic = (api: RouteApi) => {
    const route = { ...identity, gateway: { name: "g/g", hosts: ["*"], api }, old: side(1), new: side(2) };
    return renderTraffic({ ...row, weight: 100, control: 0, sticky: undefined }, route);
  };
  const back = { ...identity, service: "iris-v1", mode: "Standard", gateway: { name: "g/g", hosts: ["*"] } } as const;
  const aged = (route: { readonly metadata: object }, day: string): ObservedRoute => ({
    ...route,
    metadata: { ...route.metadata, creationTimestamp: `2026-11-${day}T00:00:00Z` },
  });

  it("what a VirtualService no longer delegates to answers nobody", () => {
    const own = virtualServiceManifest(modelRoute(back));
    for (const routes of [
      [own, traffic("istio")],
      [traffic("istio"), own],
    ]) {
      expect(routedModels(routes, services)).toMatchObject([{ service: "iris-v1" }]);
    }
  });

  it.each([
    ["07", "08", "iris-v1", "iris-v2"],
    ["08", "07", "iris-v2", "iris-v1"],
  ])(
    "of two HTTPRoutes the older is followed: the model's own of day %s, the divided one of day %s",
    (own, divided, ...order) => {
      const routes = [aged(httpRouteManifest(modelRoute(back)), own), aged(traffic("gateway-api"), divided)];
      for (const all of [routes, routes.toReversed()]) {
        expect(routedModels(all, services).map(({ service }) => service)).toEqual(order);
        expect(servedModels(all, services).map(({ service }) => service)).toEqual(order.slice(0, 1));
      }
    },
  );
});
