import { Counter, Gauge, type Registry } from "prom-client";
import { sentByApi } from "../../../domain/traffic/loadQuery.ts";
import { ApiError } from "../apiError.ts";

/** Counts the requests that this process sends to versions itself, by which autoscalers know them: no gateway counts these. */
export interface VersionLoad {
  /** Counts a request while `work` sends it. @param service - name of the version's InferenceService */
  during<T>(service: string, work: () => Promise<T>): Promise<T>;
}

/** Versions come and go, and each has two series: of more than so many, those that are not in use are forgotten, the oldest use first. */
const mostVersions = 1_000;

/** Adds the metrics of {@link sentByApi} by version. */
export function addVersionLoad(registry: Registry, most = mostVersions): VersionLoad {
  const labelNames = [sentByApi.label] as const;
  const registers = [registry];
  const inFlight = new Gauge({
    name: sentByApi.ofVersion.concurrency,
    help: "Predictions that this pod sends to a version itself and that are not over, by the version's InferenceService.",
    labelNames,
    registers,
  });
  const completed = new Counter({
    name: sentByApi.ofVersion.rps,
    help: "Predictions that this pod sent to a version itself and that are over, by the version's InferenceService.",
    labelNames,
    registers,
  });
  /** Requests in flight of each version, the one that was used last at the end. */
  const used = new Map<string, number>();

  const change = (service: string, by: 1 | -1): void => {
    const count = (used.get(service) ?? 0) + by;
    used.delete(service);
    used.set(service, count);
    inFlight.set({ [sentByApi.label]: service }, count);
  };
  const forget = (): void => {
    for (const [service, count] of used) {
      if (used.size <= most) return;
      if (count > 0) continue;
      used.delete(service);
      inFlight.remove(service);
      completed.remove(service);
    }
  };

  return {
    async during(service, work) {
      change(service, 1);
      // A counter that is there before it counts loses nothing to Prometheus, which sees steps.
      completed.inc({ [sentByApi.label]: service }, 0);
      forget();
      let isRefused = false;
      try {
        return await work();
      } catch (error) {
        // What a limit refuses, or is too large, the version never gets.
        isRefused = error instanceof ApiError && error.status < 500;
        throw error;
      } finally {
        change(service, -1);
        if (!isRefused) completed.inc({ [sentByApi.label]: service });
      }
    },
  };
}
