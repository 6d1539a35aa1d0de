import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../domain/refusals/refusal.ts";

/** What is refused of builds in a cluster, and how they fail. */
export const buildRefusals = {
  "build.links": {
    says: 'truss "{name}" holds symbolic links to folders, sockets or devices, which cannot be sent to a build',
    fix: "replace them by files",
    cause: "The context of a build travels as a tar without links out of it.",
  },
  "build.context-too-large": {
    says: 'truss "{name}": its build context has {has}',
    fix: "at most {limit} MiB reach a build pod; let the build fetch weights (external_data, model_cache or weights of config.yaml), or load them in load()",
    cause: "The context is sent through the cluster's API into a volume of the build's pod.",
  },
  "build.refused": {
    says: "{problem}",
    fix: "{fix}",
    cause:
      "The service that builds the local environment's images refuses the truss; the words are those of its own refusal.",
  },
  "build.service-failed": {
    says: "the build service answers HTTP {statusCode}",
    fix: "its log says why",
    cause: "The service has a fault of its own; its log is in the environment's folder.",
    exit: 1,
  },
  "build.deleted": {
    says: 'truss "{name}": {where} was deleted while it ran',
    fix: "{again}",
    cause: "Somebody, or a clean-up in the cluster, deleted the PipelineRun.",
    exit: 1,
  },
  "build.not-ended": {
    says: 'truss "{name}": {where} has not ended after {timeoutMinutes} min and was cancelled',
    fix: "look whether Tekton's controller is running",
    cause: "Tekton's controller ends runs at their timeout, and did not.",
    exit: 1,
  },
  "build.cancelled": {
    says: 'truss "{name}": {where} was cancelled',
    fix: "{again} to start the next one",
    cause: "Somebody cancelled the PipelineRun.",
    exit: 1,
  },
  "build.timed-out": {
    says: 'truss "{name}": its build had not ended after {minutes} min and was stopped ({where}){at}',
    fix: "raise menagerie:builds.timeoutMinutes if it needs longer, and {again} to start the next one{log}",
    cause:
      "The build needs longer than it may, or waits for something, such as a node or a registry; its last step and log lines are shown.",
    exit: 1,
  },
  "build.failed": {
    says: 'truss "{name}": its build failed{at} ({where}): {reason}{advice}{log}',
    fix: "",
    cause: "A step of the build ended with an error; its last log lines are shown.",
    exit: 1,
  },
  "build.credentials": {
    says: 'the cluster does not accept your credentials for builds in namespace "{namespace}" ({reason})',
    fix: "log in to the cluster and run this again, and a build that has begun is joined",
    cause: "The kubeconfig's token or certificate has expired or was revoked.",
    exit: 1,
  },
  "build.not-allowed": {
    says: 'the cluster does not let you build in namespace "{namespace}": {reason}{bind}',
    fix: "",
    cause:
      "The user of the kubeconfig may not create or read builds there, or a quota or an admission rule forbids it.",
    exit: 1,
  },
  "build.no-tekton": {
    says: "the cluster has no Tekton Pipelines (tekton.dev/v1)",
    fix: "install it, or set menagerie:builds to {kind: directory}",
    cause: "Builds of kind tekton are PipelineRuns.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(buildRefusals);
