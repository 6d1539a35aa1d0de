import { setTimeout as delay } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { loadedPath } from "../../../domain/serving/servedModel.ts";
import type { Prepared, SleepCluster, SleepingService } from "../../../domain/sleep/ports.ts";

export interface ProbeParts {
  readonly cluster: Pick<SleepCluster, "readyPods">;
  readonly dispatcher: Dispatcher;
  readonly originOf: (service: SleepingService) => string;
}

/** A Service without endpoints may swallow a connection. Milliseconds. */
const withinMs = 1_000;
/** Between two questions, in milliseconds. */
const againMs = 20;

/**
 * Finds out whether the Service of a version leads to a ready pod, by asking whether the model is loaded: a pod may be ready before that,
 * and where a mesh has proxies, a connection alone tells nothing.
 */
export function probeOf({ cluster, dispatcher, originOf }: ProbeParts) {
  const answers = async (service: SleepingService): Promise<boolean> => {
    try {
      const { statusCode, body } = await dispatcher.request({
        origin: originOf(service),
        path: loadedPath,
        method: "GET",
        headersTimeout: withinMs,
        signal: AbortSignal.timeout(withinMs),
      });
      await body.dump();
      return statusCode < 500;
    } catch {
      return false;
    }
  };
  return async (service: SleepingService, ignored: ReadonlySet<string>): Promise<Prepared> => {
    const begun = performance.now();
    while (cluster.readyPods(service.name, ignored).length > 0 && performance.now() - begun < withinMs) {
      if (await answers(service)) return { kind: "answers" };
      await delay(againMs);
    }
    return { kind: "starting" };
  };
}
