import { expect, it } from "vitest";
import { readGateway } from "../../../../src/adapters/kubernetes/gatewayApi.ts";
import { apiServer, refusal } from "../../../support/apiServer.ts";

const group = "/apis/gateway.networking.k8s.io/v1";
const definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io";
const listeners = [
  {},
  { allowedRoutes: { namespaces: { from: "All" } } },
  { allowedRoutes: { namespaces: { from: "None" } } },
];
const answers = {
  [group]: { resources: [] },
  [`${group}/namespaces/istio-ingress/gateways/models`]: { spec: { gatewayClassName: "istio", listeners } },
  [`${group}/gatewayclasses/istio`]: {
    spec: { controllerName: "istio.io/gateway-controller" },
    status: { supportedFeatures: [{ name: "HTTPRoute" }, "HTTPRoutePathRewrite"] },
  },
  [definition]: { metadata: { annotations: { "gateway.networking.k8s.io/bundle-version": "v1.6.0" } } },
};
const read = async (changes: Record<string, unknown> = {}) =>
  readGateway(await apiServer({ ...answers, ...changes }), "istio-ingress", "models");

it("is read with its class, what that lists, and the release of the API", async () => {
  expect(await read()).toEqual({
    gateway: { className: "istio", allowedRoutes: ["Same", "All", "None"] },
    gatewayClass: {
      controller: "istio.io/gateway-controller",
      features: ["HTTPRoute", "HTTPRoutePathRewrite"],
    },
    version: "1.6.0",
  });
});

it("lists no features where its controller writes none, as Istio's: that is another thing than none at all", async () => {
  for (const status of [undefined, {}, { supportedFeatures: [] }]) {
    const gatewayClass = { spec: { controllerName: "istio.io/gateway-controller" }, status };
    const found = await read({ [`${group}/gatewayclasses/istio`]: gatewayClass });
    expect(found?.gatewayClass).toEqual({ controller: "istio.io/gateway-controller", features: undefined });
  }
});

it("is told apart from an API that is not served, a class that is not there, and a release that may not be read", async () => {
  expect(await read({ [group]: undefined })).toBeUndefined();
  expect(await read({ [`${group}/namespaces/istio-ingress/gateways/models`]: undefined })).toMatchObject({
    gateway: undefined,
  });
  expect(await read({ [`${group}/gatewayclasses/istio`]: undefined })).toMatchObject({ gatewayClass: undefined });
  expect(await read({ [definition]: refusal(403, "forbidden") })).toMatchObject({ version: undefined });
  await expect(read({ [`${group}/gatewayclasses/istio`]: refusal(403, "forbidden") })).rejects.toThrow("forbidden");
});
