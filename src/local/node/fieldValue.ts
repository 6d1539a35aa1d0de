import type { V1Container, V1Pod, V1ResourceFieldSelector } from "@kubernetes/client-node";
import { dividedQuantity, parseQuantity } from "./quantity.ts";

/** What the node knows about a pod and its object does not say yet. */
export interface PodPlacement {
  readonly podIP: string;
  readonly hostIP: string;
  /** Allocatable quantities of the node: what a container without a limit is told. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/**
 * Value of a downward API fieldRef; undefined for a path the API does not have. Maps are rendered as `key="value"`
 * lines, sorted by key, as `k8s.io/kubernetes/pkg/fieldpath` does.
 */
export function fieldValue(pod: V1Pod, path: string, placement: PodPlacement): string | undefined {
  const subscript = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path);
  if (subscript) {
    const map = subscript[1] === "labels" ? pod.metadata?.labels : pod.metadata?.annotations;
    return map?.[subscript[2] ?? ""] ?? "";
  }
  switch (path) {
    case "metadata.name":
      return pod.metadata?.name ?? "";
    case "metadata.namespace":
      return pod.metadata?.namespace ?? "";
    case "metadata.uid":
      return pod.metadata?.uid ?? "";
    case "metadata.labels":
      return mapLines(pod.metadata?.labels);
    case "metadata.annotations":
      return mapLines(pod.metadata?.annotations);
    case "spec.nodeName":
      return pod.spec?.nodeName ?? "";
    case "spec.serviceAccountName":
      return pod.spec?.serviceAccountName ?? "";
    case "status.podIP":
    case "status.podIPs":
      return placement.podIP;
    case "status.hostIP":
    case "status.hostIPs":
      return placement.hostIP;
    default:
      return undefined;
  }
}

function mapLines(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}

/** Value of a resourceFieldRef, such as `limits.cpu`: the container's own, else what the node has for limits, else 0. */
export function resourceFieldValue(
  container: V1Container | undefined,
  selector: V1ResourceFieldSelector,
  placement: PodPlacement,
): string | undefined {
  const match = /^(limits|requests)\.(.+)$/.exec(selector.resource);
  if (!match?.[1] || !match[2]) return undefined;
  const [, kind, resource] = match;
  const own = container?.resources?.[kind as "limits" | "requests"]?.[resource];
  const quantity = own ?? (kind === "limits" ? placement.allocatable[resource] : undefined) ?? "0";
  const value = parseQuantity(quantity);
  return value === undefined ? undefined : dividedQuantity(value, selector.divisor);
}
