import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { deployRoute } from "../../../components/route.ts";
import { modelRoute } from "../../../src/domain/serving/modelRoute.ts";
import type { RouteApi } from "../../../src/domain/serving/route.ts";
import { partsOf } from "../../support/playedEngine.ts";

const routeOf = (api: RouteApi, service: string) =>
  modelRoute({
    name: "iris",
    namespace: "models",
    model: "iris",
    kind: "zoo",
    managedBy: "stack",
    service,
    mode: "Standard",
    gateway: { api, name: "istio-ingress/models", hosts: ["models.example.com"] },
  });
const declared = (api: RouteApi) =>
  partsOf(() => {
    const answering = pulumi.output("iris-v2-0f0f0f0f").apply((service) => routeOf(api, service));
    deployRoute("iris", { route: routeOf(api, "iris-v2"), answering }, {});
  });

it.each<[RouteApi, string]>([
  ["istio", "VirtualService iris"],
  ["gateway-api", "HTTPRoute iris"],
])("on a gateway of %s it is a %s, which leads to the service that answers", async (api, name) => {
  const made = await declared(api);
  expect(made.names).toEqual([name]);
  expect(JSON.stringify(made(name).inputs.spec)).toContain("iris-v2-0f0f0f0f");
});

it("an HTTPRoute is waited for until its gateway has taken it; a VirtualService is refused when it is written", async () => {
  const annotationsOf = async (api: RouteApi, name: string) =>
    ((await declared(api))(name).inputs.metadata as { annotations: Record<string, string> }).annotations;
  const annotations = await annotationsOf("gateway-api", "HTTPRoute iris");
  expect(annotations["pulumi.com/waitFor"]).toMatch(/Accepted.*ResolvedRefs/);
  expect(annotations["pulumi.com/timeoutSeconds"]).toBe("120");
  expect(await annotationsOf("istio", "VirtualService iris")).not.toHaveProperty(["pulumi.com/waitFor"]);
});
