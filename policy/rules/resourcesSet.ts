import { containersOf } from "./containers.ts";
import type { Rule } from "./rule.ts";
import { at } from "./values.ts";

const needed = [
  ["requests", "cpu"],
  ["requests", "memory"],
  ["limits", "memory"],
] as const;

/** CPU limits are left to each container: throttling harms latency more than it helps neighbours. */
export const resourcesSet: Rule = {
  name: "resources-set",
  description: "Containers request CPU and memory and limit memory: the scheduler and Karpenter place pods by these.",
  violations: (resource) =>
    containersOf(resource).flatMap(({ name, resources }) =>
      needed
        .filter(([kind, what]) => at(resources, kind, what) === undefined)
        .map(([kind, what]) => `container ${name}: resources.${kind}.${what} is not set`),
    ),
};
