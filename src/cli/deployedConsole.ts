import { consoleName } from "../domain/serving/consoleService.ts";
import type { EnvironmentLayout } from "../local/layout.ts";
import { readStackResources } from "../local/stackOutputs.ts";
import type { EngineTarget } from "../local/target.ts";

/** Address of the console that an environment's last `up` deployed; null where it declares none. */
export async function deployedConsole(layout: EnvironmentLayout, { consoleUrl }: EngineTarget): Promise<string | null> {
  if (consoleUrl === null) return null;
  const resources = await readStackResources(layout);
  const isThere = resources.some(
    ({ type, urn }) => type === "kubernetes:apps/v1:Deployment" && urn.endsWith(`::${consoleName}`),
  );
  return isThere ? consoleUrl : null;
}
