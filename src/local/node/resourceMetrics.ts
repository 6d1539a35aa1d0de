import { apiTime } from "./apiTime.ts";
import type { NodeUsage, PodUsage } from "./usageMeter.ts";

export const groupVersion = "metrics.k8s.io/v1beta1";

/** What the group serves, for discovery. */
export const resourceList = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion,
  resources: [
    { name: "nodes", singularName: "", namespaced: false, kind: "NodeMetrics", verbs: ["get", "list"] },
    { name: "pods", singularName: "", namespaced: true, kind: "PodMetrics", verbs: ["get", "list"] },
  ],
};

/** The object PodMetrics (k8s.io/metrics, `pkg/apis/metrics/v1beta1/types.go`). */
export function podMetrics({ namespace, name, labels, at, windowMs, containers }: PodUsage) {
  return {
    kind: "PodMetrics",
    apiVersion: groupVersion,
    metadata: { name, namespace, labels, creationTimestamp: apiTime(at) },
    timestamp: apiTime(at),
    window: duration(windowMs),
    containers: containers.map((each) => ({ name: each.name, usage: usage(each) })),
  };
}

export function nodeMetrics({ name, labels, at, windowMs, cores, memoryBytes }: NodeUsage) {
  return {
    kind: "NodeMetrics",
    apiVersion: groupVersion,
    metadata: { name, labels, creationTimestamp: apiTime(at) },
    timestamp: apiTime(at),
    window: duration(windowMs),
    usage: usage({ cores, memoryBytes }),
  };
}

function usage({ cores, memoryBytes }: { readonly cores: number; readonly memoryBytes: number }) {
  return { cpu: `${Math.round(cores * 1e9)}n`, memory: `${Math.ceil(memoryBytes / 1024)}Ki` };
}

/** As Go writes one, in seconds. */
function duration(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)}s`;
}
