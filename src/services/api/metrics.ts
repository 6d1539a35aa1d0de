import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { SleepStanding } from "../../adapters/postgres/sleep/readSleep.ts";
import type { ZooStandings } from "../../adapters/postgres/zoo/standings.ts";
import type { CountedPath, LastMinute } from "../../domain/traffic/lastMinute.ts";
import { sentByApi } from "../../domain/traffic/loadQuery.ts";
import { trafficPaths } from "../../domain/traffic/outcome.ts";
import { type CopyEnd, copyEnds } from "./controlCopies.ts";
import { freshCache } from "./freshCache.ts";
import { addSleepMetrics } from "./sleep/metrics.ts";
import { addVersionLoad } from "./traffic/versionLoad.ts";

/** For how long what was read of the zoo is told again, in milliseconds: several may scrape, and counting apps is work. */
const standingsKept = 30_000;
const minuteKept = 5_000;

/** What is read of the database for metrics; while that fails, nothing is told of it. */
export interface MetricReaders {
  /** Where the zoo stands. */
  readonly standings: () => Promise<ZooStandings>;
  /** What versions answered. */
  readonly minute: () => Promise<LastMinute>;
  /** How versions that may sleep stand. @default none do */
  readonly sleep?: () => Promise<readonly SleepStanding[]>;
}

/** Metrics in Prometheus' text format. Labels are bounded: served models, their versions, ways to end, keys that have limits. */
export function createMetrics(read: MetricReaders) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const minutes = freshCache(read.minute, { freshFor: minuteKept });
  const minute = () => minutes("").catch(() => undefined);
  new Gauge({
    name: "menagerie_requests_per_second",
    help: "Requests of the last minute, by version and how they ended, counted where the client was answered; the same from every pod. Seconds that were not counted are left out.",
    labelNames: ["model", "version", "path", "outcome"] as const,
    registers,
    async collect() {
      this.reset();
      const last = await minute();
      for (const { model, number: version, ...traffic } of last?.versions ?? []) {
        for (const path of trafficPaths) {
          const { inKnown, knownSeconds } = traffic[path];
          if (knownSeconds === 0) continue;
          for (const [outcome, count] of Object.entries(inKnown))
            this.set({ model, version, path, outcome }, count / knownSeconds);
        }
      }
    },
  });
  new Gauge({
    name: "menagerie_request_duration_seconds",
    help: "Quantiles of how long whole answers of the last minute took, by version; the same from every pod.",
    labelNames: ["model", "version", "path", "quantile"] as const,
    registers,
    async collect() {
      this.reset();
      const last = await minute();
      for (const { model, number: version, ...traffic } of last?.versions ?? []) {
        for (const path of trafficPaths) {
          const { p50, p99 } = traffic[path];
          if (p50 !== undefined) this.set({ model, version, path, quantile: "0.5" }, p50 / 1000);
          if (p99 !== undefined) this.set({ model, version, path, quantile: "0.99" }, p99 / 1000);
        }
      }
    },
  });
  const countedSeconds = (name: string, help: string, seconds: (path: CountedPath) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["path"] as const,
      registers,
      async collect() {
        this.reset();
        const last = await minute();
        if (last) for (const path of trafficPaths) this.set({ path }, seconds(last.paths[path]));
      },
    });
  countedSeconds(
    "menagerie_requests_counted_seconds",
    "Seconds of the last minute whose requests were counted, 60 when all were; what is missing is not zero.",
    ({ knownSeconds }) => knownSeconds,
  );
  countedSeconds(
    "menagerie_request_ends_counted_seconds",
    "Seconds of the last minute in which broken answers and clients that left were counted as outcomes broken and client_gone; in the others these are missing, and answers are counted by the status in their head.",
    ({ endsKnownSeconds }) => endsKnownSeconds,
  );
  const inFlight = new Gauge({
    name: sentByApi.inFlight,
    help: "Predictions that are being answered.",
    registers,
  });
  const refusals = new Counter({
    name: "menagerie_api_refused_requests_total",
    help: "Requests that a limit refused, by whose it is (key or organization, with its id) and its kind.",
    labelNames: ["subject", "limit"] as const,
    registers,
  });
  const copies = new Counter({
    name: "menagerie_api_control_copies_total",
    help: "Requests that this pod copied to a rollout's old version for its judge, by how the copy ended; dropped: too many were under way, or there was no room for its body.",
    labelNames: ["end"] as const,
    registers,
  });
  for (const end of copyEnds) copies.inc({ end }, 0);
  const cached = freshCache(read.standings, { freshFor: standingsKept });
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
  const refused = ({ subject, kind }: { readonly subject: string; readonly kind: string }): void =>
    refusals.inc({ subject, limit: kind });
  addSleepMetrics(registry, read.sleep ?? (async () => []));
  const wakeSeconds = new Histogram({
    name: "menagerie_wake_seconds",
    help: "How long the first request to a model that slept waited until the model answered, by model; of this pod.",
    labelNames: ["model"] as const,
    buckets: [0.5, 1, 2.5, 5, 10, 20, 30, 60, 120],
    registers,
  });
  const copied = (end: CopyEnd): void => copies.inc({ end });
  return { registry, inFlight, refused, copied, wakeSeconds, versionLoad: addVersionLoad(registry) };
}

const unknown: ZooStandings = { rollouts: [], apps: [] };

export type Metrics = ReturnType<typeof createMetrics>;
