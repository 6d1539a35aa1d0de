import type { MetricObject, Registry } from "prom-client";
import { createMetrics as ofApi } from "../../src/services/api/metrics.ts";
import { createMetrics as ofGuard } from "../../src/services/guard/metrics.ts";
import { createMetrics as ofRecorder } from "../../src/services/recorder/metrics.ts";
import { code, generated, page, prose, table } from "./markdown.ts";

const nobody = (): Promise<never> => Promise.reject(new Error("nothing is read for a list of names"));

/** A registry of each service that exports metrics, with where it answers. */
const services: readonly { readonly title: string; readonly at: string; readonly registry: () => Registry }[] = [
  {
    title: "API service",
    at: "`GET /metrics` of the Service `api`. Every pod exports the values of the whole platform where the text says so.",
    registry: () => ofApi({ standings: nobody, minute: nobody, sleep: nobody }).registry,
  },
  {
    title: "Guard",
    at: "`GET /metrics` of the pods with the label `app.kubernetes.io/name: guard`.",
    registry: () => ofGuard(nobody).registry,
  },
  {
    title: "Recorder",
    at: "`GET /metrics` of the transformer's pods of each recorded model.",
    registry: () => ofRecorder({ begin: 0, end: 0, stored: 0 } as never).registry,
  },
];

/** A metric as its service declares it. */
export interface ExportedMetric {
  readonly service: string;
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

export function exportedMetrics(): ExportedMetric[] {
  return services.flatMap(({ title, registry }) =>
    registry()
      .getMetricsAsArray()
      .filter(({ name }) => name.startsWith("menagerie_"))
      .map((metric) => metricOf(title, metric)),
  );
}

function metricOf(service: string, metric: MetricObject & { labelNames?: readonly string[] }): ExportedMetric {
  const { name, help, labelNames: labels = [] } = metric;
  return { service, name, help, type: metric.constructor.name.toLowerCase(), labels };
}

/** docs/reference/metrics.md: every metric of the services, as they register it. */
export function metricsPage(): string {
  const all = exportedMetrics();
  return page(
    "# Metrics",
    "The services export these in Prometheus' text format, beside the usual ones of a Node.js process (`process_*`, `nodejs_*`). `operations/grafana-dashboard.json` shows them, and [alerts](alerts.md) are made of them. The pods carry the annotations `prometheus.io/scrape` and `prometheus.io/port`.",
    generated("the registries of the services (`src/services/*/metrics.ts`)"),
    ...services.flatMap(({ title, at }) => [
      `## ${title}`,
      at,
      table(
        ["Metric", "Type", "Labels", "Meaning"],
        all
          .filter(({ service }) => service === title)
          .map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(", "), prose(help)]),
      ),
    ]),
  );
}
