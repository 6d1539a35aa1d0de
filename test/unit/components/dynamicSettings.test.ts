import { expect, it } from "vitest";
import { DynamicSettings } from "../../../components/dynamicSettings.ts";
import type { Phase } from "../../../src/domain/zoo/phases.ts";
import { partsOf } from "../../support/playedEngine.ts";

const args = (createNamespace: boolean, takeover = false) => ({
  namespace: "baseten",
  name: "dynamic-settings",
  createNamespace,
  takeover,
  ratelimitEnabled: false,
  modelZooDeploymentAutomationEnabled: true,
  zoo: { iris: { phase: "copy" as Phase, truss: "models/iris" } },
});

it("patches a ConfigMap that others own, in a namespace that others made", async () => {
  const made = await partsOf(() => new DynamicSettings("settings", args(false)));
  expect(made.names).toEqual(["ConfigMapPatch settings", "DynamicSettings settings"]);
  expect(made("ConfigMapPatch settings").inputs.metadata).not.toMatchObject({
    annotations: { "pulumi.com/patchForce": "true" },
  });
});

it("waits for the namespace where it makes it, and overrides edits where it takes over", async () => {
  const made = await partsOf(() => new DynamicSettings("settings", args(true, true)));
  expect(made("ConfigMapPatch settings").options.dependsOn).toEqual(["Namespace settings-namespace"]);
  expect(made("ConfigMapPatch settings").inputs.metadata).toMatchObject({
    annotations: { "pulumi.com/patchForce": "true" },
  });
});

it("registers the phases of the models, and no more of them", async () => {
  const made = await partsOf(() => new DynamicSettings("settings", args(false)));
  expect(made("DynamicSettings settings").inputs).toMatchObject({ zoo: { iris: "copy" } });
});
