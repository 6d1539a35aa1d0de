import type { KubeConfig } from "@kubernetes/client-node";
import type { EnvironmentLayout } from "../layout.ts";
import { EnvoyTables } from "./envoyTables.ts";
import { type ChangedObject, type Rejection, suspectsOf } from "./rejections.ts";
import { routingObjects } from "./routingObjects.ts";

/** Tables that the environment's Envoy refuses now, each with the object that it is probably refused for. */
export async function observeRejections(
  layout: EnvironmentLayout,
  config: KubeConfig,
): Promise<readonly (Rejection & { readonly suspect: ChangedObject | undefined })[]> {
  const rejections = await new EnvoyTables(layout).rejections();
  if (rejections.length === 0) return [];
  const objects = await routingObjects(config);
  return rejections.map((rejection) => ({ ...rejection, suspect: suspectsOf(rejection, objects)[0] }));
}
