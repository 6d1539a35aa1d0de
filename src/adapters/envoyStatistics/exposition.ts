import type { DestinationCounters, EndedAs, GatewaySnapshot } from "../../domain/traffic/counters.ts";
import { destinationOfHost } from "../../domain/traffic/destinations.ts";
import { type Latency, latencyOf } from "../../domain/traffic/latency.ts";
import { endsCounter } from "../../domain/traffic/statistics.ts";

const answers = "envoy_cluster_upstream_rq";
const durations = "envoy_cluster_upstream_rq_time_bucket";
const completed = "envoy_cluster_upstream_rq_completed";
const uptime = "envoy_server_uptime";
/** {@link endsCounter} as Istio's proxies have it, and as Envoy's release names it where it keeps the same. */
export const endsCounters = [endsCounter, `envoy_istiocustom_${endsCounter}`] as const;
const ends: ReadonlySet<string> = new Set(endsCounters);
const known = [answers, uptime, ...ends];

/** A value of Prometheus, under its name and labels. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** What the samples of one gateway process say. */
export interface GatewayStatistics extends GatewaySnapshot {
  /** Whether answers by status are among its statistics: their absence is zero only then. Undefined where no sample tells. */
  readonly keepsCounters: boolean | undefined;
  /** Whether there is a counter of any destination, be it zero: of a page that leaves out what is zero, this tells nothing. */
  readonly hasDestinations: boolean;
  readonly hasDurations: boolean;
}

/** Reads a page in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export function parseStatistics(text: string): GatewayStatistics {
  return statisticsOf(
    text.split("\n").flatMap((line) => {
      // Most lines are buckets: what is not ours is not taken apart.
      if (!known.some((name) => line.startsWith(name))) return [];
      const sample = parseSample(line);
      return sample ? [sample] : [];
    }),
  );
}

/** Gathers samples by destination. */
export function statisticsOf(samples: Iterable<Sample>): GatewayStatistics {
  const byStatus = new Map<string, Map<number, number>>();
  const byEnd = new Map<string, Map<EndedAs, number>>();
  const buckets = new Map<string, [number, number][]>();
  let age: number | undefined;
  let isCompleted = false;
  let hasDestinations = false;
  for (const { name, labels, value } of samples) {
    if (name === uptime) age = value;
    if (ends.has(name)) {
      const end = endOf(labels);
      if (!end || Number.isNaN(value)) continue;
      setIn(
        byEnd,
        end.destination,
        (own) => own.set(end.as, value),
        () => new Map(),
      );
      continue;
    }
    const destination = labels.get("cluster_name");
    if (destination === undefined || Number.isNaN(value)) continue;
    hasDestinations ||= name === completed || name === answers;
    if (name === completed) isCompleted ||= value > 0;
    if (name === answers) {
      const status = Number(labels.get("response_code"));
      if (Number.isInteger(status))
        setIn(
          byStatus,
          destination,
          (own) => own.set(status, value),
          () => new Map(),
        );
    }
    if (name === durations) {
      const upTo = labels.get("le") === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.get("le"));
      setIn(
        buckets,
        destination,
        (own) => own.push([upTo, value]),
        () => [],
      );
    }
  }
  const destinations = new Map<string, DestinationCounters>();
  for (const destination of new Set([...byStatus.keys(), ...byEnd.keys(), ...buckets.keys()])) {
    const own = buckets.get(destination);
    const latency: Latency | undefined = own && latencyOf(own);
    destinations.set(destination, {
      answers: byStatus.get(destination) ?? new Map(),
      ends: byEnd.get(destination) ?? new Map(),
      latency,
    });
  }
  // Answers without a status: Envoy keeps the ones and not the others.
  const keepsCounters = byStatus.size > 0 ? true : isCompleted ? false : undefined;
  // Answers and no ends: they are counted by their heads alone, or the first requests are not over yet.
  const tellsEnds = byEnd.size > 0 ? true : byStatus.size > 0 ? false : undefined;
  return { uptime: age, destinations, tellsEnds, keepsCounters, hasDestinations, hasDurations: buckets.size > 0 };
}

const endLabels: ReadonlySet<string> = new Set(["reporter", "cluster_name", "response_code", "response_flags"]);

/** What a sample of {@link endsCounter} counts; undefined for one that another proxy than the gateway reports, and for one whose labels do not say enough. */
function endOf(labels: Sample["labels"]): { readonly destination: string; readonly as: EndedAs } | undefined {
  const host = labels.get("destination_service");
  const destination = labels.get("cluster_name") ?? (host === undefined ? undefined : destinationOfHost(host));
  const status = Number(labels.get("response_code"));
  const flags = labels.get("response_flags");
  if (labels.get("reporter") !== "source" || destination === undefined || flags === undefined) return undefined;
  const others = [...labels].flatMap(([key, value]) => (endLabels.has(key) ? [] : [value])).join(" ");
  return Number.isInteger(status) ? { destination, as: `${status} ${flags} ${others}` } : undefined;
}

function setIn<T>(map: Map<string, T>, key: string, change: (value: T) => void, make: () => T): void {
  const value = map.get(key) ?? make();
  map.set(key, value);
  change(value);
}

const sampleLine = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;
const label = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** One line; undefined for what is not a sample. Values of labels may hold anything, quotes and braces in escapes. */
export function parseSample(line: string): Sample | undefined {
  const [, name, labels = "", number] = sampleLine.exec(line) ?? [];
  if (name === undefined || number === undefined) return undefined;
  const value = number === "+Inf" ? Number.POSITIVE_INFINITY : Number(number);
  const pairs = [...labels.matchAll(label)].map(([, key = "", text = ""]) => [key, unescaped(text)] as const);
  return { name, labels: new Map(pairs), value };
}

function unescaped(text: string): string {
  return text.includes("\\") ? text.replace(/\\(.)/g, (_, character) => (character === "n" ? "\n" : character)) : text;
}
