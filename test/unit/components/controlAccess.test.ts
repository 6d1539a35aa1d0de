import { expect, it } from "vitest";
import { ControlAccessPolicy } from "../../../components/controlAccess.ts";
import { partsOf } from "../../support/playedEngine.ts";

it("the Service of control servers is not awaited: without a development version it has no endpoints", async () => {
  const args = { namespace: "models", servicesNamespace: "menagerie", trustDomain: "cluster.local" };
  const made = await partsOf(() => new ControlAccessPolicy("platform", args));
  expect(made.names).toEqual([
    "AuthorizationPolicy platform-development-control",
    "ControlAccessPolicy platform",
    "Service platform-development-control",
  ]);
  expect(made("Service platform-development-control").inputs).toMatchObject({
    metadata: { annotations: { "pulumi.com/skipAwait": "true" } },
  });
});
