import { expect, it } from "vitest";
import { SharedEnvironment } from "../../../components/sharedEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

it("workloads get what the ConfigMap holds, so that another content makes other pods", async () => {
  const values = { API_URL: "http://api.menagerie" };
  let source: unknown;
  const made = await partsOf(() => {
    source = new SharedEnvironment("env", { namespace: "models", values }).source;
  });
  const { metadata, data } = made("ConfigMap env").inputs as { metadata: { name: string }; data: object };
  expect(source).toEqual({ configMap: metadata.name, values: data });
});
