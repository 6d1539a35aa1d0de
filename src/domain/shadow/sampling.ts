import { isMapping } from "../mapping.ts";
import type { Operation } from "../protocols/operation.ts";
import { operations } from "../protocols/operations.ts";
import { isJsonNumber, nearestDouble } from "./exactNumber.ts";

/** Fields of a request that say whether its answer is drawn by chance, and whether the draw repeats. */
export const samplingFields = ["temperature", "seed", "top_p", "top_k", "do_sample"] as const;

/** Operations whose requests may be sampled. */
export const sampledOperations: readonly string[] = operations.filter((each) => each.isSampled).map(({ name }) => name);

/**
 * Whether a model may answer this request in another way the next time: it writes, and the request neither has a `seed` nor leaves a
 * single choice of the next word (`temperature` 0, `top_p` 0, `top_k` 1, `do_sample` false). Without a `temperature` it is 1, as in OpenAI's and
 * Anthropic's specifications. What is not a JSON object says nothing: no model reads a temperature out of it.
 */
export function isSampled(operation: Operation | undefined, request: unknown): boolean {
  if (!operation?.isSampled || !isMapping(request)) return false;
  const number = (name: (typeof samplingFields)[number]): number | undefined => {
    const value = Object.hasOwn(request, name) ? request[name] : undefined;
    return isJsonNumber(value) ? nearestDouble(value) : undefined;
  };
  const isGreedy =
    number("temperature") === 0 || number("top_p") === 0 || number("top_k") === 1 || request.do_sample === false;
  return !isGreedy && number("seed") === undefined;
}
