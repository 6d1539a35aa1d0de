import type { DeclaredResource } from "./rule.ts";
import { at, list } from "./values.ts";

export interface DeclaredContainer {
  readonly name: string;
  readonly image: unknown;
  readonly resources: unknown;
  /** Command and arguments, in this order. */
  readonly args: readonly unknown[];
}

/** Containers of whatever makes pods: of a Deployment's template, of the parts of an InferenceService, of a recorder, or a Task's steps. */
export function containersOf({ type, inputs }: DeclaredResource): DeclaredContainer[] {
  if (type === "kubernetes:tekton.dev/v1:Task") return stepsOf(at(inputs, "spec"));
  // A model's recorder, which is a resource of its own.
  const pods = type.endsWith(":ModelRecorder") ? [at(inputs, "transformer")] : podSpecs(type, at(inputs, "spec"));
  return pods
    .flatMap((pod) => [...list(at(pod, "initContainers")), ...list(at(pod, "containers"))])
    .map((container) => ({
      name: String(at(container, "name") ?? "container"),
      image: at(container, "image"),
      resources: at(container, "resources"),
      args: [...list(at(container, "command")), ...list(at(container, "args"))],
    }));
}

function stepsOf(spec: unknown): DeclaredContainer[] {
  return list(at(spec, "steps")).map((step) => ({
    name: String(at(step, "name") ?? "step"),
    image: at(step, "image"),
    resources: at(step, "computeResources"),
    args: [...list(at(step, "command")), ...list(at(step, "args"))],
  }));
}

function podSpecs(type: string, spec: unknown): unknown[] {
  if (type.startsWith("kubernetes:serving.kserve.io/") && type.endsWith(":InferenceService")) {
    return [at(spec, "predictor"), at(spec, "transformer"), at(spec, "explainer")];
  }
  if (/^kubernetes:apps\/v1:(Deployment|StatefulSet|DaemonSet)$/.test(type)) return [at(spec, "template", "spec")];
  if (type === "kubernetes:batch/v1:Job") return [at(spec, "template", "spec")];
  if (type === "kubernetes:batch/v1:CronJob") return [at(spec, "jobTemplate", "spec", "template", "spec")];
  return type === "kubernetes:core/v1:Pod" ? [spec] : [];
}
