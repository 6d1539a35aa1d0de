import { expect, it } from "vitest";
import { GatewayKeyCheck } from "../../../components/keyCheck.ts";
import { partsOf } from "../../support/playedEngine.ts";

it("both policies act on the gateway's pods, in the gateway's namespace", async () => {
  const gateway = { pods: { istio: "ingressgateway" } };
  const made = await partsOf(
    () =>
      new GatewayKeyCheck("platform", {
        namespace: "models",
        gatewayNamespace: "istio-ingress",
        gateway,
        provider: "menagerie-keys",
      }),
  );
  const policies = made.names.filter((name) => !name.startsWith("GatewayKeyCheck"));
  expect(policies).toEqual(["AuthorizationPolicy platform-keys", "EnvoyFilter platform-query-keys"]);
  // Before the check, whose answer sets it.
  expect(made("EnvoyFilter platform-query-keys").inputs.spec).toMatchObject({
    configPatches: expect.arrayContaining([
      expect.objectContaining({
        patch: expect.objectContaining({
          operation: "INSERT_FIRST",
          value: expect.objectContaining({ name: "menagerie.organization" }),
        }),
      }),
    ]),
  });
  for (const policy of policies) {
    expect(made(policy).inputs).toMatchObject({ metadata: { namespace: "istio-ingress" } });
    expect(JSON.stringify(made(policy).inputs.spec)).toContain(JSON.stringify(gateway.pods));
  }
});
