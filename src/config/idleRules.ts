import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import type { DeploymentMode } from "../domain/serving/servedModel.ts";

/** Longest time that Knative's autoscaler keeps a pod for that nobody asks, in minutes. */
export const longestKnativeWindow = 60;

/** What is wrong with the time after which a model sleeps. @param at - key of a part of its `replicas` */
export function idleIssues(
  at: (key: "min" | "idleMinutes") => string,
  { min, idleMinutes }: { readonly min: number; readonly idleMinutes?: number | undefined },
  mode: DeploymentMode,
): Refusal[] {
  if (idleMinutes === undefined) return [];
  if (min > 0) return [refusal("model.idle-always-runs", at("idleMinutes"), { min })];
  if (mode !== "Knative" || idleMinutes <= longestKnativeWindow) return [];
  return [refusal("model.idle-window", at("idleMinutes"), { minutes: idleMinutes, longest: longestKnativeWindow })];
}
