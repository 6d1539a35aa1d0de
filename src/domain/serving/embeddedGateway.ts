import { statisticsPort } from "../traffic/statistics.ts";
import { gatewayNameLabel, hostOf } from "./route.ts";

const name = "menagerie";
const namespace = "istio-system";
const service = "gateway";

/** The gateway of an embedded environment: a process, not a pod. istiod knows it by labels, as it knows pods. */
export const embeddedGateway = {
  /** Namespace of the Gateways and of istiod. */
  namespace,
  /** Of the Gateway of Istio and that of Gateway API; with its namespace the default of `menagerie:gateway.name`. */
  name,
  /** Version of Istio that it stands for. */
  version: "1.31.0",
  /** Headless Service of its address. */
  service,
  /** Its statistics, as Istio's gateways have them at their pods' addresses. */
  statistics: `http://${hostOf({ service, namespace })}:${statisticsPort}/stats/prometheus`,
  /**
   * The first is that of the committed stacks, so that `menagerie:mesh.keyCheck` is written alike everywhere; the second Istio puts on
   * pods that it runs for a Gateway.
   */
  labels: { istio: "ingress", [gatewayNameLabel]: name } as Readonly<Record<string, string>>,
} as const;
