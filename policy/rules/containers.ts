import type { DeclaredResource } from "./rule.ts";
import { at, list } from "./values.ts";

export interface DeclaredContainer {
  readonly name: string;
  readonly image: unknown;
  readonly resources: unknown;
  readonly env: unknown;
}

/** Containers of whatever makes pods: of a Deployment's template, or of the parts of an InferenceService. */
export function containersOf({ type, inputs }: DeclaredResource): DeclaredContainer[] {
  return podSpecs(type, at(inputs, "spec"))
    .flatMap((pod) => [...list(at(pod, "initContainers")), ...list(at(pod, "containers"))])
    .map((container) => ({
      name: String(at(container, "name") ?? "container"),
      image: at(container, "image"),
      resources: at(container, "resources"),
      env: at(container, "env"),
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
