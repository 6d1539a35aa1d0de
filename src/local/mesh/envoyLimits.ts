import type { KubernetesObject } from "@kubernetes/client-node";
import type { EnvoyLimit } from "./envoyExpressions.ts";
import { httpRouteLimits } from "./httpRouteLimits.ts";
import { virtualServiceLimits } from "./virtualServiceLimits.ts";

type PolicyObject = KubernetesObject & Readonly<Record<string, unknown>>;

/**
 * What Envoy does not take of a route that Istio's webhook and Gateway API's schema take. Envoy refuses a route table as a whole, so one such
 * object would hold back everybody's changes; the API server refuses it when it is written instead. Each was found by trying
 * (test/soak/gateway/faults.test.ts). What gets past them is found by its effect, see {@link Rejections}.
 */
export function envoyLimits(): readonly PolicyObject[] {
  return [
    ...policy("menagerie-envoy-limits", {
      group: "networking.istio.io",
      resource: "virtualservices",
      limits: virtualServiceLimits,
      variables: [{ name: "http", expression: "has(object.spec.http) ? object.spec.http : []" }],
    }),
    ...policy("menagerie-envoy-limits-httproutes", {
      group: "gateway.networking.k8s.io",
      resource: "httproutes",
      limits: httpRouteLimits,
      variables: [{ name: "rules", expression: "has(object.spec.rules) ? object.spec.rules : []" }],
    }),
  ];
}

interface Limited {
  readonly group: string;
  readonly resource: string;
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  readonly limits: readonly EnvoyLimit[];
}

function policy(name: string, { group, resource, variables, limits }: Limited): PolicyObject[] {
  const rule = { apiGroups: [group], apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources: [resource] };
  return [
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: { resourceRules: [rule] },
        variables,
        validations: limits.map((limit) => ({ ...limit, reason: "Invalid" })),
      },
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"] },
    },
  ];
}
