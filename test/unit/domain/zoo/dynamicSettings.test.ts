import { describe, expect, it } from "vitest";
import { dynamicSettingsData } from "../../../../src/domain/zoo/dynamicSettings.ts";
import type { Phase } from "../../../../src/domain/zoo/phases.ts";

const switches = { ratelimitEnabled: true, modelZooDeploymentAutomationEnabled: true };

function whitelist(zoo: Record<string, Phase>): unknown {
  const phases = Object.fromEntries(Object.entries(zoo).map(([name, phase]) => [name, { phase }]));
  return JSON.parse(dynamicSettingsData(phases, switches).automaticallyDeployedModelZooModelsWhitelist);
}

describe("the whitelist of zoo models", () => {
  it.each(["off", "reverted"] as const)("leaves out a model that is %s", (phase) => {
    expect(whitelist({ iris: phase })).toEqual({});
  });

  it("deploys a copy in phase copy only", () => {
    expect(whitelist({ iris: "copy" })).toEqual({ iris: { copy: true } });
    for (const phase of ["version", "forward", "bake", "done"] as const) {
      expect(whitelist({ iris: phase })).toEqual({ iris: { copy: false } });
    }
  });

  it("is the same text in whatever order the models are written", () => {
    const text = (...names: string[]) =>
      dynamicSettingsData(Object.fromEntries(names.map((name) => [name, { phase: "done" as const }])), switches);
    expect(text("b", "a_b", "a")).toEqual(text("a", "a_b", "b"));
  });
});

describe("the switches", () => {
  it("are text, as in every ConfigMap", () => {
    expect(dynamicSettingsData({}, { ratelimitEnabled: false, modelZooDeploymentAutomationEnabled: true })).toEqual({
      ratelimitEnabled: "false",
      modelZooDeploymentAutomationEnabled: "true",
      automaticallyDeployedModelZooModelsWhitelist: "{}",
    });
  });
});
