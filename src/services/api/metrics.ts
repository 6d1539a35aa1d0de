import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ZooStandings } from "../../adapters/postgres/zoo/standings.ts";
import { freshCache } from "./freshCache.ts";

/** Up to the longest prediction that is waited for, in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** For how long what was read of the zoo is told again, in milliseconds: several may scrape, and counting apps is work. */
const standingsKept = 30_000;

/**
 * Metrics in Prometheus' text format. Labels are bounded: served models, their versions, HTTP statuses.
 *
 * @param readStandings - reads where the zoo stands; while it fails, nothing is told of that
 */
export function createMetrics(readStandings: () => Promise<ZooStandings>) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const predictions = new Counter({
    name: "menagerie_api_predictions_total",
    help: "Predictions asked of the API service, by the zoo model that answered and the HTTP status.",
    labelNames: ["model", "version", "status"] as const,
    registers,
  });
  const seconds = new Histogram({
    name: "menagerie_api_prediction_duration_seconds",
    help: "From the request's head to the end of its answer.",
    labelNames: ["model"] as const,
    buckets,
    registers,
  });
  const inFlight = new Gauge({
    name: "menagerie_api_predictions_in_flight",
    help: "Predictions that are being answered.",
    registers,
  });
  const cached = freshCache(readStandings, { freshFor: standingsKept });
  const standings = () => cached("").catch(() => unknown);
  new Gauge({
    name: "menagerie_api_rollout_since_seconds",
    help: "When a zoo model came to its phase, in seconds since 1970.",
    labelNames: ["model", "phase"] as const,
    registers,
    async collect() {
      this.reset();
      for (const { model, phase, sinceSeconds } of (await standings()).rollouts)
        this.set({ model, phase }, sinceSeconds);
    },
  });
  new Gauge({
    name: "menagerie_api_apps",
    help: "Apps that point at a version of a zoo model.",
    labelNames: ["model", "version"] as const,
    registers,
    async collect() {
      this.reset();
      for (const { model, version, apps } of (await standings()).apps) this.set({ model, version }, apps);
    },
  });
  return { registry, predictions, seconds, inFlight };
}

const unknown: ZooStandings = { rollouts: [], apps: [] };

export type Metrics = ReturnType<typeof createMetrics>;
