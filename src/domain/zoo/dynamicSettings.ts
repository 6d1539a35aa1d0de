import { effects } from "./effects.ts";
import type { Phase } from "./phases.ts";

/** Switches that are set by hand, beside the whitelist that is derived. */
export interface DynamicSwitches {
  readonly ratelimitEnabled: boolean;
  readonly modelZooDeploymentAutomationEnabled: boolean;
}

/**
 * Data of the ConfigMap that the application reads its dynamic settings from; all values are text, the whitelist is
 * JSON. A model that is off or reverted is not in the whitelist; `{"copy": true}` deploys it as `<model>_copy`, and
 * `{"copy": false}` as a new version of the model. Models are in the order of their names, so that the text changes
 * only with what it says.
 */
export function dynamicSettingsData(
  zoo: Readonly<Record<string, { readonly phase: Phase }>>,
  switches: DynamicSwitches,
) {
  const whitelist = Object.entries(zoo)
    .filter(([, { phase }]) => effects[phase].content !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([model, { phase }]) => [model, { copy: effects[phase].content === "copy" }] as const);
  return {
    ratelimitEnabled: String(switches.ratelimitEnabled),
    modelZooDeploymentAutomationEnabled: String(switches.modelZooDeploymentAutomationEnabled),
    automaticallyDeployedModelZooModelsWhitelist: JSON.stringify(Object.fromEntries(whitelist)),
  };
}
