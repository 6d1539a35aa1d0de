import { describe, expect, it } from "vitest";
import type { ObservedGateway } from "../../../src/adapters/kubernetes/gatewayApi.ts";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { checkGatewayApi, type GatewayReader } from "../../../src/plan/gatewayApi.ts";

const gateway = { api: "gateway-api", name: "istio-ingress/models" };
const shadows = {
  next: {
    primary: { truss: "models/multiplier" },
    percent: 0.5,
    shadows: { a: { truss: "models/multiplier" }, b: { truss: "models/multiplier" } },
  },
};
const raw = { nodeClass: "local", gateway, zoo: { iris: { truss: "models/iris", phase: "done" } } };
const spec = (changes: object = {}) =>
  parseEnvironment({ ...raw, ...changes }, { gatewayUrl: "https://models", databaseAddress: "127.0.0.1:5432" });

const served: ObservedGateway = {
  gateway: { className: "istio", allowedRoutes: ["All"] },
  gatewayClass: { controller: "istio.io/gateway-controller", features: undefined },
  version: "1.6.0",
};
const reader = (found: Partial<ObservedGateway> = {}): GatewayReader => ({
  gateway: async (namespace, name) => {
    expect([namespace, name]).toEqual(["istio-ingress", "models"]);
    return { ...served, ...found };
  },
});
const check = (found: Partial<ObservedGateway> = {}, changes: object = {}) =>
  checkGatewayApi(spec(changes), { preview: true, reader: reader(found) });
const withFeatures = (...features: string[]) => ({ gatewayClass: { controller: "example.com/c", features } });

describe("routes of Gateway API", () => {
  it("are none of a stack on a Gateway of Istio, which nobody asks about", async () => {
    const silent: GatewayReader = { gateway: () => Promise.reject(new Error("nobody asks")) };
    const istio = spec({ gateway: { name: "istio-ingress/models" } });
    expect(await checkGatewayApi(istio, { preview: false, reader: silent })).toEqual({ lines: [], warnings: [] });
  });

  it("are told with what serves them, and what its class does not say", async () => {
    expect((await check({}, { shadows })).lines).toEqual([
      "routes are HTTPRoutes of Gateway istio-ingress/models (class istio, Gateway API 1.6.0); it lists no supported features, so not checked: HTTPRoutePathRewrite, HTTPRouteRequestMirror, HTTPRouteRequestMultipleMirrors, HTTPRouteRequestPercentageMirror",
    ]);
    const listed = withFeatures("HTTPRoute", "HTTPRoutePathRewrite");
    expect((await check({ ...listed, version: undefined })).lines).toEqual([
      "routes are HTTPRoutes of Gateway istio-ingress/models (class istio, a release of Gateway API that could not be read); it supports what they need: HTTPRoutePathRewrite",
    ]);
  });

  const name = "menagerie:gateway.name";
  it.each<[string, Partial<ObservedGateway>, object, string[]]>([
    [
      "without their Gateway",
      { gateway: undefined, gatewayClass: undefined },
      {},
      [
        `${name}: the cluster has no Gateway istio-ingress/models of gateway.networking.k8s.io; create it, or name one of kubectl get gateways.gateway.networking.k8s.io -A`,
      ],
    ],
    [
      "of a class that is not there",
      { gatewayClass: undefined },
      {},
      [
        `${name}: Gateway istio-ingress/models has the class istio, which the cluster does not have; correct its gatewayClassName, or install what serves the class`,
      ],
    ],
    [
      "of namespaces that no listener takes them from",
      { gateway: { className: "istio", allowedRoutes: ["Same", "None"] } },
      {},
      ["models", "menagerie"].map(
        (namespace) =>
          `${name}: no listener of Gateway istio-ingress/models lets HTTPRoutes of namespace ${namespace} attach; set allowedRoutes.namespaces of a listener to {from: All}, or to a selector of that namespace`,
      ),
    ],
    [
      "that need what the class does not list",
      withFeatures("HTTPRoutePathRewrite", "HTTPRouteRequestMirror"),
      { shadows, serving: { mode: "Knative" } },
      [
        "menagerie:zoo.iris.mode: needs HTTPRouteHostRewrite, which GatewayClass istio does not list among its supportedFeatures; use a Gateway of another class, or use mode: Standard",
        "menagerie:shadows.next.primary.mode: needs HTTPRouteHostRewrite, which GatewayClass istio does not list among its supportedFeatures; use a Gateway of another class, or use mode: Standard",
        "menagerie:shadows.next.shadows: needs HTTPRouteRequestMultipleMirrors, which GatewayClass istio does not list among its supportedFeatures; use a Gateway of another class, or keep one of them",
        "menagerie:shadows.next.percent: needs HTTPRouteRequestPercentageMirror, which GatewayClass istio does not list among its supportedFeatures; use a Gateway of another class, or remove the key, which copies every request",
      ],
    ],
    [
      "that need a rewrite",
      withFeatures("HTTPRoute"),
      {},
      [
        "menagerie:zoo.iris: needs HTTPRoutePathRewrite, which GatewayClass istio does not list among its supportedFeatures; use a Gateway of another class, or set menagerie:gateway.api to istio",
      ],
    ],
    [
      "that copy a share, where the CRDs know none",
      { version: "1.2.1" },
      { shadows },
      [
        "menagerie:shadows.next.percent: HTTPRoutes of the cluster (Gateway API 1.2.1) know no share of a mirror, so every request would be copied; install Gateway API 1.3.0 or later, or remove the key",
      ],
    ],
    [
      "with keys, on a gateway that is not Istio's",
      { gatewayClass: { controller: "gateway.envoyproxy.io/gatewayclass-controller", features: undefined } },
      { mesh: { keyCheck: {} } },
      [
        "menagerie:mesh.keyCheck: GatewayClass istio is served by gateway.envoyproxy.io/gatewayclass-controller, which does not read Istio's AuthorizationPolicy, so no key would be asked for; use a Gateway of a class of Istio's, or remove the key",
      ],
    ],
  ])("%s are refused, by a preview too", async (_, found, changes, sentences) => {
    await expect(check(found, changes)).rejects.toMatchObject({ message: sentences.join("\n") });
  });

  it("of requests that are divided need cookies and copies where the config asks for them", async () => {
    const entry = { truss: "models/iris", phase: "version", from: "3", traffic: 10, by: "cookie" };
    const needs = (change: object) => {
      const zoo = { iris: { ...entry, recording: {}, ...change } };
      return check(withFeatures("HTTPRoutePathRewrite"), { database: { host: "db" }, zoo }).then(
        () => "",
        (error: Error) => error.message,
      );
    };
    expect(await needs({ judge: {}, by: undefined })).toMatch(
      /zoo\.iris\.judge\.control: needs HTTPRouteRequestMirror,/,
    );
    expect(await needs({})).toMatch(/zoo\.iris\.by: needs HTTPRouteResponseHeaderModification,/);
    expect(await needs({ by: undefined })).toBe("");
  });

  it("are let through where the bound does not concern them", async () => {
    const older = { ...shadows.next, percent: 100 };
    expect((await check({ version: "1.2.1" }, { shadows: { next: older } })).lines).toHaveLength(1);
    const listeners = { gateway: { className: "istio", allowedRoutes: ["Selector"] as const } };
    expect((await check(listeners)).lines).toHaveLength(1);
  });

  it("are left to the check of APIs where the cluster has no such API", async () => {
    const none: GatewayReader = { gateway: async () => undefined };
    expect(await checkGatewayApi(spec(), { preview: false, reader: none })).toEqual({ lines: [], warnings: [] });
  });

  it("are not checked by a preview that cannot reach the cluster, and refused by an up", async () => {
    const silent: GatewayReader = { gateway: () => Promise.reject(new Error("connect ECONNREFUSED")) };
    expect((await checkGatewayApi(spec(), { preview: true, reader: silent })).warnings).toEqual([
      "not checked whether Gateway istio-ingress/models serves the stack's routes: connect ECONNREFUSED",
    ]);
    await expect(checkGatewayApi(spec(), { preview: false, reader: silent })).rejects.toThrow("connect ECONNREFUSED");
  });
});
