import { messageOf } from "../domain/errors.ts";
import type { PlatformPlan } from "./platform.ts";

/** Counts the pods that answer, by InferenceService. */
export type ReadyPodsReader = () => Promise<ReadonlyMap<string, number>>;

/**
 * The platform with the pods of its models where a rollout is about to divide requests: its old version keeps as many. Where the cluster does not tell, a
 * sentence says so, and old versions keep their least.
 */
export async function withReadyPods(
  platform: PlatformPlan | undefined,
  read: ReadyPodsReader,
): Promise<{ readonly platform: PlatformPlan | undefined; readonly sentences: readonly string[] }> {
  // `version` is entered from here.
  const isAsked = [...(platform?.registry.rollouts.values() ?? [])].some(({ phase }) => phase === "copy");
  if (!platform || !isAsked) return { platform, sentences: [] };
  try {
    return { platform: { ...platform, readyPods: await read() }, sentences: [] };
  } catch (error) {
    return { platform, sentences: [`not counted how many pods old versions of rollouts have: ${messageOf(error)}`] };
  }
}
