import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { LogPositions } from "../../adapters/predictionLog/positions.ts";

/** In seconds, up to the longest prediction that clients wait for. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Metrics in Prometheus' text format. Labels are bounded: HTTP statuses, failures, reasons. */
export function createMetrics(positions: LogPositions) {
  let underWay = 0;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const predictions = new Counter({
    name: "menagerie_recorder_predictions_total",
    help: "Predictions forwarded, by the status that was answered; 499 where the client went away before.",
    labelNames: ["status"] as const,
    registers,
  });
  const failures = new Counter({
    name: "menagerie_recorder_failures_total",
    help: "Predictions without a whole answer of the predictor, by what went wrong.",
    labelNames: ["failure"] as const,
    registers,
  });
  const incomplete = new Counter({
    name: "menagerie_recorder_incomplete_requests_total",
    help: "Requests whose body never came to its end: they are not recorded, for nobody was asked anything.",
    registers,
  });
  const unsampled = new Counter({
    name: "menagerie_recorder_unsampled_total",
    help: "Predictions that are not stored, because only a share of them is.",
    registers,
  });
  const batch = new Counter({
    name: "menagerie_recorder_batch_total",
    help: "Predictions that are not stored, because they are those of a batch.",
    registers,
  });
  const webSockets = new Counter({
    name: "menagerie_recorder_websockets_total",
    help: "WebSocket connections passed on to the model: what is spoken on them is not recorded.",
    registers,
  });
  const truncated = new Counter({
    name: "menagerie_recorder_truncated_bodies_total",
    help: "Bodies of which only the beginning was kept.",
    registers,
  });
  const unredactable = new Counter({
    name: "menagerie_recorder_unredactable_total",
    help: "Predictions of which a body is not stored, because it could not be read, and so not redacted.",
    registers,
  });
  const unread = new Counter({
    name: "menagerie_recorder_unread_total",
    help: "Where bodies are not stored, answers that came faster than they are read: their tokens and first token are not known.",
    registers,
  });
  const duration = new Histogram({
    name: "menagerie_recorder_prediction_duration_seconds",
    help: "From the request's head to the end of its answer.",
    buckets,
    registers,
  });
  new Gauge({
    name: "menagerie_recorder_predictions_in_flight",
    help: "Predictions that are being answered.",
    registers,
    collect() {
      this.set(underWay);
    },
  });
  const ofStatus = new Map<number, Counter.Internal>();
  const begin = (): void => {
    underWay += 1;
  };
  const end = (status: number, seconds: number): void => {
    underWay -= 1;
    // Looking up the labels costs more than all the rest.
    let counter = ofStatus.get(status);
    if (!counter) {
      counter = predictions.labels({ status });
      ofStatus.set(status, counter);
    }
    counter.inc();
    duration.observe(seconds);
  };
  const stored = new Counter({
    name: "menagerie_recorder_stored_total",
    help: "Predictions stored in the database since this process began.",
    registers,
  });
  const streams = new Counter({
    name: "menagerie_recorder_streams_total",
    help: "Streamed answers that are stored joined.",
    registers,
  });
  const firstToken = new Histogram({
    name: "menagerie_recorder_first_token_seconds",
    help: "Of streamed answers, from the request's head to the first event that changed what the model says.",
    buckets,
    registers,
  });
  const pieces = new Counter({
    name: "menagerie_recorder_stream_pieces_total",
    help: "Pieces that streamed answers came in.",
    registers,
  });
  const lost = new Counter({
    name: "menagerie_recorder_lost_total",
    help: "Predictions whose record is lost, by why.",
    labelNames: ["reason"] as const,
    registers,
  });
  const storeFailures = new Counter({
    name: "menagerie_recorder_store_failures_total",
    help: "Attempts to store that failed; they are repeated.",
    registers,
  });
  new Gauge({
    name: "menagerie_recorder_log_bytes",
    help: "Bytes of the log that are not in the database yet.",
    registers,
    collect() {
      this.set(positions.end - positions.stored);
    },
  });
  return {
    registry,
    /** Each is called once for every prediction; `end` with the status that was answered and the seconds that it took. */
    begin,
    end,
    failures,
    incomplete,
    webSockets,
    unsampled,
    batch,
    truncated,
    unredactable,
    unread,
    stored,
    streams,
    firstToken,
    pieces,
    lost,
    storeFailures,
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
