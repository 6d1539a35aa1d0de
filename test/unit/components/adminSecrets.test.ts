import * as pulumi from "@pulumi/pulumi";
import { expect, it } from "vitest";
import { AdminSecrets } from "../../../components/adminSecrets.ts";
import { partsOf } from "../../support/playedEngine.ts";

it("the values are a secret of the state, whether or not they were one before", async () => {
  const made = await partsOf(() => {
    const values = pulumi.output<Readonly<Record<string, string>>>({ hf_token: "tulip" });
    return new AdminSecrets("admin-secrets", { namespace: "models", name: "admin", values });
  });
  expect(made("Secret admin-secrets").inputs.data).toEqual({ secret: { hf_token: "dHVsaXA=" } });
  expect(JSON.stringify(made("AdminSecrets admin-secrets"))).not.toMatch(/tulip|dHVsaXA/);
});
