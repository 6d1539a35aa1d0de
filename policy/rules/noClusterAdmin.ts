import type { Rule } from "./rule.ts";
import { at, list } from "./values.ts";

/** All that Kubernetes' API has (https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb). */
const everyVerb = ["get", "list", "watch", "create", "update", "patch", "delete"];
/** By these a role gives itself what it does not have. */
const escalating = ["escalate", "bind", "impersonate"];

/** Neither the role itself nor one of the same power under another name. */
export const noClusterAdmin: Rule = {
  name: "no-cluster-admin",
  description:
    "Nothing is bound to cluster-admin, no role allows every verb on every resource, and no ClusterRole every verb on any.",
  violations: ({ type, inputs }) => {
    if (!type.startsWith("kubernetes:rbac.authorization.k8s.io/")) return [];
    const bound = at(inputs, "roleRef", "name");
    if (bound === "cluster-admin") return ["binds cluster-admin; name a role with the verbs that are needed"];
    const isCluster = /:ClusterRole(Patch)?$/.test(type);
    return list(at(inputs, "rules")).flatMap((rule, index) => {
      const verbs = list(at(rule, "verbs"));
      const resources = list(at(rule, "resources"));
      const every = verbs.includes("*") || everyVerb.every((verb) => verbs.includes(verb));
      const named = resources.filter((each) => typeof each === "string").join(", ");
      const sentences: string[] = [];
      if (every && resources.some((each) => each === "*" || each === "*/*")) {
        sentences.push(`rules[${index}]: allows every verb on every resource; name them`);
      } else if (every && isCluster && resources.length > 0) {
        sentences.push(
          `rules[${index}]: allows every verb on ${named} in every namespace; name the verbs that are needed, or use a Role`,
        );
      }
      for (const verb of escalating.filter((each) => verbs.includes(each))) {
        sentences.push(`rules[${index}]: allows ${verb} on ${named}, by which every right can be had; remove it`);
      }
      return sentences;
    });
  },
};
