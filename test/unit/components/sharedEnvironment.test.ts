import { expect, it } from "vitest";
import { SharedEnvironment } from "../../../components/sharedEnvironment.ts";
import { environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

it("workloads get what the ConfigMap holds, so that another content makes other pods", async () => {
  let source: unknown;
  const made = await partsOf(() => {
    source = new SharedEnvironment("env", { environment: environmentOnPlatform() }).source;
  });
  const { metadata, data } = made("ConfigMap env").inputs as { metadata: { name: string }; data: object };
  expect(source).toEqual({ configMap: metadata.name, values: data });
  expect(data).toMatchObject({ API_URL: "http://api.menagerie.svc.cluster.local", PGHOST: "db" });
});
