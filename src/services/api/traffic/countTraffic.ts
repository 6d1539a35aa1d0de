import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { findPodNames } from "../../../adapters/envoyStatistics/gateways.ts";
import { lead } from "../../../adapters/postgres/leader.ts";
import { clientConfig } from "../../../adapters/postgres/server.ts";
import { ageTraffic } from "../../../adapters/postgres/traffic/age.ts";
import { endOtherSources } from "../../../adapters/postgres/traffic/sources.ts";
import { messageOf } from "../../../domain/errors.ts";
import { platformDatabase } from "../../../domain/platformDatabase.ts";
import { apiPodLabels } from "../../../domain/serving/apiService.ts";
import type { ApiSettings } from "../settings.ts";
import type { AppCounts } from "./appCounts.ts";
import { collectGateways, type GatewayReader } from "./collectGateways.ts";
import { readerOfPods, readerOfPrometheus, readerOfUrl } from "./gatewayReaders.ts";
import { storeAppCounts } from "./storeAppCounts.ts";

export interface CountingParts {
  readonly settings: ApiSettings;
  readonly counts: AppCounts;
  readonly pool: Pool;
  readonly kubernetes: KubeConfig;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const lookAtPodsMs = 10_000;
const ageEveryMs = 60_000;

/**
 * Fills the table of requests: with this process's own counts, and, in one replica for all, with those of the gateway. `end` stores what is
 * left, when nothing is answered any more.
 */
export function countTraffic(parts: CountingParts): { end(): Promise<void> } {
  const { settings, counts, pool, log, signal } = parts;
  const own = storeAppCounts({ pool, counts, pod: settings.pod, log, signal });
  void lead({
    connection: clientConfig(settings.database, platformDatabase),
    name: "traffic",
    work: async (leading) => {
      await Promise.all([
        repeat(lookAtPodsMs, leading, () => endGonePods(parts)),
        repeat(ageEveryMs, leading, () => ageTraffic(pool, Math.floor(Date.now() / 1000)), log),
        ...gatewayReader(parts).map((reader) =>
          collectGateways(
            {
              pool,
              reader,
              namespace: settings.modelsNamespace,
              servicesNamespace: settings.servicesNamespace,
              log,
            },
            leading,
          ),
        ),
      ]);
    },
    onError: (error) => log.warn({ err: error }, "cannot ask to lead the counting of requests"),
    signal,
  });
  return own;
}

function gatewayReader({ settings, kubernetes }: CountingParts): GatewayReader[] {
  const { countedGateway: gateway, prometheus } = settings;
  if (!gateway) return [];
  if ("url" in gateway) return [readerOfUrl(gateway.url)];
  return [prometheus ? readerOfPrometheus(kubernetes, gateway, prometheus) : readerOfPods(kubernetes, gateway)];
}

/** A pod that is gone answers nobody: it is not waited for any more. Where the cluster cannot be asked, it is. */
async function endGonePods({ settings, kubernetes, pool, log }: CountingParts): Promise<void> {
  const pods = await findPodNames(kubernetes, settings.servicesNamespace, apiPodLabels);
  // This one is there, whatever a list of a moment ago says.
  for (const pod of await endOtherSources(pool, "app", [...pods, settings.pod], Math.ceil(Date.now() / 1000)))
    log.info({ pod }, "a pod that counted requests is gone");
}

async function repeat(everyMs: number, signal: AbortSignal, work: () => Promise<void>, log?: Logger): Promise<void> {
  while (!signal.aborted) {
    await work().catch((error: unknown) =>
      log?.warn({ err: error }, `counts of requests are not looked after: ${messageOf(error)}`),
    );
    await delay(everyMs, undefined, { signal }).catch(() => {});
  }
}
