import { expect, it } from "vitest";
import { RouteGrants } from "../../../components/routeGrants.ts";
import { partsOf } from "../../support/playedEngine.ts";

it("a grant stands where the Service is, and names the routes' namespace", async () => {
  const services = [{ service: "api", namespace: "menagerie" }];
  const made = await partsOf(() => new RouteGrants("models", { namespace: "models", services }));
  expect(made("ReferenceGrant models-to-api").inputs).toMatchObject({
    metadata: { namespace: "menagerie" },
    spec: { from: [{ kind: "HTTPRoute", namespace: "models" }], to: [{ kind: "Service", name: "api" }] },
  });
});
