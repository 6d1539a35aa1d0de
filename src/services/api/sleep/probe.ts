import type { Dispatcher } from "undici";
import { loadedPath } from "../../../domain/serving/servedModel.ts";
import type { SleepingService } from "../../../domain/sleep/ports.ts";

/** A Service without endpoints may swallow a connection. Milliseconds. */
const withinMs = 1_000;

/**
 * Asks a version's Service whether the model is loaded: a pod may be ready before the Service leads to it, and where a mesh has proxies, a
 * connection alone tells nothing.
 */
export function probeOf(dispatcher: Dispatcher, originOf: (service: SleepingService) => string) {
  return async (service: SleepingService): Promise<boolean> => {
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
}
