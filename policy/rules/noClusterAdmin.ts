import type { Rule } from "./rule.ts";
import { at, list } from "./values.ts";

/** Neither the role itself nor one of the same power under another name. */
export const noClusterAdmin: Rule = {
  name: "no-cluster-admin",
  description: "Nothing is bound to cluster-admin, and no role allows every verb on every resource.",
  violations: ({ type, inputs }) => {
    if (!type.startsWith("kubernetes:rbac.authorization.k8s.io/")) return [];
    const bound = at(inputs, "roleRef", "name");
    if (bound === "cluster-admin") return ["binds cluster-admin; name a role with the verbs that are needed"];
    return list(at(inputs, "rules")).flatMap((rule, index) =>
      list(at(rule, "verbs")).includes("*") && list(at(rule, "resources")).includes("*")
        ? [`rules[${index}]: allows every verb on every resource; name them`]
        : [],
    );
  },
};
