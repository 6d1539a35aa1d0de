import type { KubeConfig } from "@kubernetes/client-node";
import type { Dispatcher } from "undici";
import { findGatewayPods, type GatewayOfStack, type GatewayPod } from "../../../adapters/envoyStatistics/gateways.ts";
import { scrapeGateway } from "../../../adapters/envoyStatistics/scrape.ts";
import { type Prometheus, readScrapes, type ScrapedStatistics } from "../../../adapters/prometheus/gatewayReadings.ts";
import { embeddedGateway } from "../../../domain/serving/embeddedGateway.ts";
import { statisticsPort } from "../../../domain/traffic/statistics.ts";
import type { GatewayReader } from "./collectGateways.ts";

/** A gateway that is late is not waited for longer: what it counted meanwhile comes with the next reading. Milliseconds. */
const patience = 900;

/** Reads the one process at `url`. */
export function readerOfUrl(url: string, dispatcher?: Dispatcher): GatewayReader {
  const name = `${embeddedGateway.namespace}/${embeddedGateway.service}`;
  return {
    find: async () => [{ name }],
    read: (_, withDurations) => scraped(url, withDurations, dispatcher),
  };
}

/** Reads every pod of the gateway at its own address. */
export function readerOfPods(config: KubeConfig, gateway: GatewayOfStack, dispatcher?: Dispatcher): GatewayReader {
  let pods: readonly GatewayPod[] = [];
  return {
    find: async () => {
      pods = await findGatewayPods(config, gateway);
      return pods;
    },
    read: async ({ name }, withDurations) => {
      const pod = pods.find((each) => each.name === name);
      if (!pod) throw new Error("the pod is gone");
      const host = pod.address.includes(":") ? `[${pod.address}]` : pod.address;
      return scraped(`http://${host}:${statisticsPort}/stats/prometheus`, withDurations, dispatcher);
    },
  };
}

async function scraped(url: string, withDurations: boolean, dispatcher: Dispatcher | undefined) {
  const before = Date.now();
  const statistics = await scrapeGateway({ url, withDurations, timeoutMs: patience, dispatcher });
  // The counters are read at some moment in between.
  return [{ at: (before + Date.now()) / 2000, statistics }];
}

/** What Prometheus scraped is asked for so far back, in seconds: scrapes that are a minute apart still follow each other. */
const rangeSeconds = 150;

/** Reads what a Prometheus has scraped of the gateway's pods. It is asked once for all of them, when they are looked for. */
export function readerOfPrometheus(
  config: KubeConfig,
  gateway: GatewayOfStack,
  prometheus: Prometheus,
  dispatcher?: Dispatcher,
): GatewayReader {
  let scrapes: readonly ScrapedStatistics[] = [];
  let failed: unknown;
  return {
    find: async () => {
      const pods = await findGatewayPods(config, gateway);
      scrapes = [];
      failed = undefined;
      try {
        if (pods.length > 0) {
          scrapes = await readScrapes(prometheus, {
            pods: pods.map(({ pod }) => pod),
            namespace: gateway.namespace,
            seconds: rangeSeconds,
            timeoutMs: 4_000,
            dispatcher,
          });
        }
      } catch (error) {
        failed = error;
      }
      return pods;
    },
    read: async ({ name }) => {
      if (failed !== undefined) throw failed;
      // What Prometheus has no counter of at all is not zero: nobody keeps it, or nobody scrapes it.
      const own = scrapes.filter(
        ({ pod, statistics }) =>
          `${gateway.namespace}/${pod}` === name && statistics.hasDestinations && statistics.keepsCounters !== false,
      );
      if (own.length === 0) {
        throw new Error(
          `Prometheus at ${prometheus.url} has no counters of this pod (envoy_cluster_upstream_rq with labels namespace and pod)`,
        );
      }
      return own;
    },
  };
}
