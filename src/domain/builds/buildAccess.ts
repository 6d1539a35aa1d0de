import { buildAccount, buildPartLabels as labels } from "./names.ts";

/**
 * Namespace of build pods. Rootless BuildKit makes user namespaces and mounts in them, which the lower levels of Pod
 * Security refuse; so these pods have a namespace of their own, without secrets of others.
 */
export function buildNamespaceManifest(namespace: string) {
  return { metadata: { name: namespace, labels: { ...labels, "pod-security.kubernetes.io/enforce": "privileged" } } };
}

/** An account of the cluster that starts builds. */
export interface BuilderAccount {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Who builds: the pods' account, which has no rights and no token, a Role for whoever runs `up`, to be bound by the cluster's
 * administrator, its bindings to accounts of the stack, and the rule that nothing reaches the pods.
 */
export function buildAccess(namespace: string, builders: readonly BuilderAccount[] = []) {
  const role = "truss-builder";
  return {
    account: {
      metadata: { name: buildAccount, namespace, labels },
      automountServiceAccountToken: false,
    },
    role: {
      metadata: { name: role, namespace, labels },
      rules: [
        {
          apiGroups: ["tekton.dev"],
          resources: ["pipelineruns"],
          verbs: ["get", "list", "create", "patch", "delete"],
        },
        { apiGroups: ["tekton.dev"], resources: ["taskruns"], verbs: ["list"] },
        { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
        // Contexts are written and taken away, never read back.
        { apiGroups: [""], resources: ["secrets"], verbs: ["create", "delete"] },
      ],
    },
    bindings: builders.map((account) => ({
      metadata: { name: `${account.namespace}-${account.name}`, namespace, labels },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role },
      subjects: [{ kind: "ServiceAccount", ...account }],
    })),
    isolation: {
      metadata: { name: "no-ingress", namespace, labels },
      spec: { podSelector: {}, policyTypes: ["Ingress"] },
    },
  };
}
