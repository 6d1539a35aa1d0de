/** Files of one pinned module (`tools/crds/go.mod`) that the embedded environment installs. */
export interface ManifestSource {
  readonly name: string;
  readonly module: string;
  readonly role: "crds" | "rbac" | "webhooks" | "config" | "tekton";
  /** Paths in the module; `folder/*.yaml` takes all but the kustomization. */
  readonly files: readonly string[];
}

const kserve = "github.com/kserve/kserve";
const tekton = "github.com/tektoncd/pipeline";

export const manifestSources: readonly ManifestSource[] = [
  {
    name: "kserve",
    module: kserve,
    role: "crds",
    files: [
      "config/crd/full/*.yaml",
      "config/crd/full/clusterstoragecontainer/serving.kserve.io_clusterstoragecontainers.yaml",
    ],
  },
  { name: "tekton", module: tekton, role: "crds", files: ["config/300-crds/*.yaml"] },
  {
    name: "istio",
    module: "istio.io/api",
    role: "crds",
    files: ["kubernetes/customresourcedefinitions.gen.yaml"],
  },
  {
    name: "gateway-api",
    module: "sigs.k8s.io/gateway-api",
    role: "crds",
    // Of the standard channel what a stack's routes are made of: each kind more costs an API server some memory and a start.
    files: ["gatewayclasses", "gateways", "httproutes", "referencegrants"].map(
      (kind) => `config/crd/standard/gateway.networking.k8s.io_${kind}.yaml`,
    ),
  },
  { name: "knative", module: "knative.dev/serving", role: "crds", files: ["config/core/300-resources/*.yaml"] },
  {
    name: "karpenter",
    module: "sigs.k8s.io/karpenter",
    role: "crds",
    files: ["nodeclaims", "nodepools"].map((kind) => `pkg/apis/crds/karpenter.sh_${kind}.yaml`),
  },
  {
    name: "karpenter-aws",
    module: "github.com/aws/karpenter-provider-aws",
    role: "crds",
    files: ["pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml"],
  },
  {
    name: "kserve",
    module: kserve,
    role: "rbac",
    files: [
      "config/rbac/service_account.yaml",
      "config/rbac/role.yaml",
      "config/rbac/role_binding.yaml",
      "config/rbac/leader_election_role.yaml",
      "config/rbac/leader_election_role_binding.yaml",
    ],
  },
  {
    name: "kserve",
    module: kserve,
    role: "webhooks",
    files: ["config/webhook/service.yaml", "config/webhook/manifests.yaml"],
  },
  { name: "kserve", module: kserve, role: "config", files: ["config/configmap/inferenceservice.yaml"] },
  {
    name: "tekton",
    module: tekton,
    role: "tekton",
    files: [
      "config/100-namespace/100-namespace.yaml",
      "config/200-serviceaccount.yaml",
      "config/200-clusterrole.yaml",
      "config/200-role.yaml",
      "config/201-clusterrolebinding.yaml",
      "config/201-rolebinding.yaml",
      "config/config-defaults.yaml",
      "config/config-events.yaml",
      "config/config-feature-flags.yaml",
      "config/config-info.yaml",
      "config/config-leader-election-controller.yaml",
      "config/config-logging.yaml",
      "config/config-observability.yaml",
      "config/config-registry-cert.yaml",
      "config/config-spire.yaml",
      "config/config-tracing.yaml",
      "config/config-wait-exponential-backoff.yaml",
    ],
  },
];
