import type { EnvironmentSpec } from "../config/environment.ts";
import type { LastOutputs, PlatformPlan } from "./platform.ts";

/**
 * The plan without rollouts of other programs in the same database: what a stack's last `up` did not know, and its config does not declare, is
 * no model that was removed from it. Without outputs, as after a state was lost, every rollout counts as the stack's.
 */
export function withOwnRollouts(
  { zoo }: Pick<EnvironmentSpec, "zoo">,
  platform: PlatformPlan | undefined,
  { rollouts: known }: LastOutputs,
): PlatformPlan | undefined {
  if (!platform || !known) return platform;
  const { registry } = platform;
  const own = [...registry.rollouts].filter(([name]) => Object.hasOwn(zoo, name) || Object.hasOwn(known, name));
  return { ...platform, registry: { ...registry, rollouts: new Map(own) } };
}
