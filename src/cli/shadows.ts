import { type DeployedShadow, shadowsOf } from "../domain/shadow/deployed.ts";
import type { EnvironmentLayout } from "../local/layout.ts";
import { readStackOutputs } from "../local/stackOutputs.ts";
import { refuse } from "./refusals.ts";

/** The shadow deployments of the stack, by name. */
export async function readShadows(layout: EnvironmentLayout): Promise<Readonly<Record<string, DeployedShadow>>> {
  return shadowsOf(await readStackOutputs(layout));
}

/**
 * The shadow deployment called `name`; else a sentence that says which there are.
 * @param outputs of its stack
 */
export function shadowIn(stackOutputs: Readonly<Record<string, unknown>>, name: string): DeployedShadow {
  const shadows = shadowsOf(stackOutputs);
  const found = shadows[name];
  if (found) return found;
  const names = Object.keys(shadows).join(", ");
  throw refuse("shadow.unknown", { name, names: names || "none: declare one under menagerie:shadows" });
}
