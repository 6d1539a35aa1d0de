import { type Dispatcher, request } from "undici";
import * as z from "zod";
import { endsCounters, type GatewayStatistics, type Sample, statisticsOf } from "../envoyStatistics/exposition.ts";

/** A Prometheus that scrapes the gateway's pods. */
export interface Prometheus {
  /** Such as `http://prometheus.monitoring.svc:9090`; without a slash at the end. */
  readonly url: string;
  /** A secret. @default none is sent */
  readonly bearerToken?: string | undefined;
}

/** Statistics of one pod as Prometheus scraped them. */
export interface ScrapedStatistics {
  readonly pod: string;
  /** Seconds since 1970, with their fraction. */
  readonly at: number;
  readonly statistics: GatewayStatistics;
}

const answer = z.object({
  status: z.literal("success"),
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
});

const names = [
  "envoy_cluster_upstream_rq",
  "envoy_cluster_upstream_rq_completed",
  "envoy_cluster_upstream_rq_time_bucket",
  "envoy_server_uptime",
  ...endsCounters,
];

/**
 * The scrapes of some pods in the last `seconds`, as they were: a range of raw samples, which no function of Prometheus has smoothed
 * (https://prometheus.io/docs/prometheus/latest/querying/api/#range-vectors). In order of time.
 */
export async function readScrapes(
  { url, bearerToken }: Prometheus,
  {
    pods,
    namespace,
    seconds,
    timeoutMs,
    dispatcher,
  }: {
    readonly pods: readonly string[];
    readonly namespace: string;
    readonly seconds: number;
    readonly timeoutMs: number;
    readonly dispatcher?: Dispatcher | undefined;
  },
): Promise<ScrapedStatistics[]> {
  const podNames = pods.map((pod) => pod.replaceAll(".", "\\\\.")).join("|");
  const query = `{__name__=~"${names.join("|")}",namespace="${namespace}",pod=~"${podNames}"}[${seconds}s]`;
  const { statusCode, body } = await request(`${url}/api/v1/query`, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      ...(bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` }),
    },
    body: new URLSearchParams({ query }).toString(),
    signal: AbortSignal.timeout(timeoutMs),
    ...(dispatcher ? { dispatcher } : {}),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`Prometheus at ${url} answers ${statusCode}`);
  const { data } = answer.parse(JSON.parse(text));
  const scrapes = new Map<string, { pod: string; at: number; samples: Sample[] }>();
  for (const { metric, values } of data.result) {
    const { __name__: name = "", pod = "" } = metric;
    const labels = new Map(Object.entries(metric));
    for (const [at, value] of values) {
      // All samples of one scrape have its time.
      const key = `${pod} ${at}`;
      const scrape = scrapes.get(key) ?? { pod, at, samples: [] };
      scrapes.set(key, scrape);
      scrape.samples.push({ name, labels, value: Number(value) });
    }
  }
  return [...scrapes.values()]
    .sort((a, b) => a.at - b.at)
    .map(({ pod, at, samples }) => ({ pod, at, statistics: statisticsOf(samples) }));
}
