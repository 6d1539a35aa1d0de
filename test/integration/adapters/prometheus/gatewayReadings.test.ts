import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import { readScrapes } from "../../../../src/adapters/prometheus/gatewayReadings.ts";

/** Answers in the form of Prometheus' HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/). No Prometheus runs here. */

let server: Server;
const asked: { query: string | null; authorization: string | undefined }[] = [];

afterEach(() => server.close());

async function prometheus(status: number, body: object): Promise<string> {
  asked.length = 0;
  server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const form = new URLSearchParams(await text(request));
    asked.push({ query: form.get("query"), authorization: request.headers.authorization });
    response.writeHead(status).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const iris = "outbound|80||iris-v1-predictor.models.svc.cluster.local";
const which = { pods: ["ingress-1", "ingress.2"], namespace: "istio-ingress", seconds: 150, timeoutMs: 2_000 };
const series = (name: string, pod: string, labels: object, ...values: [number, string][]) => ({
  metric: { __name__: name, pod, namespace: "istio-ingress", ...labels },
  values,
});

it("scrapes of each pod are put together again by their times", async () => {
  const answers = { cluster_name: iris, response_code: "200" };
  const url = await prometheus(200, {
    status: "success",
    data: {
      resultType: "matrix",
      result: [
        series("envoy_cluster_upstream_rq", "ingress-1", answers, [100.2, "5"], [115.2, "9"]),
        series("envoy_cluster_upstream_rq", "ingress.2", answers, [107.9, "70"]),
        series("envoy_server_uptime", "ingress-1", {}, [100.2, "50"], [115.2, "65"]),
      ],
    },
  });
  const scrapes = await readScrapes({ url, bearerToken: "tulip" }, which);
  expect(scrapes.map(({ pod, at, statistics }) => [pod, at, statistics.uptime])).toEqual([
    ["ingress-1", 100.2, 50],
    ["ingress.2", 107.9, undefined],
    ["ingress-1", 115.2, 65],
  ]);
  expect(scrapes.map(({ statistics }) => statistics.destinations.get(iris)?.answers.get(200))).toEqual([5, 70, 9]);
  expect(asked[0]?.authorization).toBe("Bearer tulip");
  // How requests ended, by the names that Istio's proxies and Envoy's release have for it.
  expect(asked[0]?.query).toContain("|istio_requests_total|envoy_istiocustom_istio_requests_total");
  expect(asked[0]?.query).toMatch(/namespace="istio-ingress",pod=~"ingress-1\|ingress\\\\\.2"\}\[150s\]$/);
});

it("a refusal is told with the status, and without the token", async () => {
  const url = await prometheus(401, {});
  await expect(readScrapes({ url, bearerToken: "tulip" }, which)).rejects.toThrow(`Prometheus at ${url} answers 401`);
});

it("an answer in another form is an error, not an empty one", async () => {
  const url = await prometheus(200, { status: "error", error: "too many samples" });
  await expect(readScrapes({ url }, which)).rejects.toThrow();
});
