import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Up to the longest prediction that is waited for, in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Metrics in Prometheus' text format. Labels are bounded: served models, their versions, HTTP statuses. */
export function createMetrics() {
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
  return { registry, predictions, seconds, inFlight };
}

export type Metrics = ReturnType<typeof createMetrics>;
