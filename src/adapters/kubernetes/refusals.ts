import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../../domain/refusals/refusal.ts";

/** What is refused of kubeconfigs, and what a cluster does not do. */
export const kubernetesRefusals = {
  "kubeconfig.no-context": {
    says: 'the kubeconfig has no context "{context}", {has}',
    fix: "correct the key, or set KUBECONFIG",
    cause: "The stack names the context of its cluster, so that no other cluster is changed by accident.",
  },
  "kubeconfig.file-unreadable": {
    says: "the kubeconfig {file} cannot be read: {reason}",
    fix: "correct it, or set KUBECONFIG to another",
    cause: "The file is not YAML, or may not be read.",
  },
  "model.not-there": {
    says: "the recorder of {name} cannot be added: namespace {namespace} has no InferenceService of this name",
    fix: "run `menagerie up --refresh`, which finds what the cluster has",
    cause: "Somebody deleted it beside the stack, or the stack's state is older than the cluster.",
    exit: 1,
  },
  "model.recorder-stays": {
    says: "what KServe made for the recorder of {name} in namespace {namespace} is made again and again",
    fix: "look at the log of the KServe controller, and repeat the `up`",
    cause: "The InferenceService has no transformer any more, so nothing should make its Deployment and Service.",
    exit: 1,
  },
  "model.not-ready": {
    says: "model {name} is not ready after {timeoutSeconds} s: {last}",
    fix: "",
    cause: "The model's pods did not become ready in time: most often an image, a node or a slow load().",
    exit: 1,
  },
  "model.failed": {
    says: "model {name} failed: {reason}{log}",
    fix: "",
    cause: "The model's container or service is down; the lines are the last of its log.",
    exit: 1,
  },
  "pipeline.failed": {
    says: "{what} failed: {reason}{log}",
    fix: "",
    cause: "The pipeline's pod ended with an error, or never started; the lines are the last of its log.",
    exit: 1,
  },
  "cluster.not-shown": {
    says: "{what}: the cluster refuses to show it: {reason}",
    fix: "",
    cause: "The kubeconfig's user may not read these objects.",
    exit: 1,
  },
  "kubeconfig.unreadable": {
    says: "the kubeconfig cannot be read: {reason}",
    fix: "set KUBECONFIG to one that can",
    cause: "The file is not YAML, or may not be read.",
  },
  "kubeconfig.none": {
    says: "there is no kubeconfig",
    fix: "set KUBECONFIG to the one of the stack's cluster",
    cause: "Without KUBECONFIG and without ~/.kube/config it is not known which cluster is meant.",
  },
  "kubeconfig.unknown-context": {
    says: 'menagerie:kubeContext: "{context}" is not a context of the kubeconfig',
    fix: "use {known}",
    cause: "The stack names the context of its cluster, so that no other cluster is changed by accident.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(kubernetesRefusals);

export const refusal = refusalsOfTable(kubernetesRefusals);
