import type { Rule } from "./rule.ts";
import { at, unknown } from "./values.ts";

/** Patches go to one container; a second pod would answer with other code. */
export const oneDevelopmentReplica: Rule = {
  name: "one-development-replica",
  description: "A development version has one pod at most: patches are applied to one container.",
  violations: ({ type, inputs }) => {
    if (!type.startsWith("kubernetes:serving.kserve.io/") || !type.endsWith(":InferenceService")) return [];
    if (at(inputs, "metadata", "labels", "menagerie.dev/kind") !== "development") return [];
    const replicas = at(inputs, "spec", "predictor", "maxReplicas");
    return replicas === 1 || replicas === unknown
      ? []
      : [`maxReplicas is ${replicas ?? "not set"}; a development version needs 1`];
  },
};
