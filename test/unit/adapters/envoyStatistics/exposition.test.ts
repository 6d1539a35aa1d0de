import { expect, it } from "vitest";
import { parseSample, parseStatistics } from "../../../../src/adapters/envoyStatistics/exposition.ts";
import { matcherOf } from "../../../../src/adapters/envoyStatistics/gatewayMatchers.ts";
import { serviceOfDestination } from "../../../../src/domain/traffic/destinations.ts";
import { bucketOf } from "../../../../src/domain/traffic/latency.ts";

const iris = "outbound|80||iris-v1-predictor.models.svc.cluster.local";

it("a page tells answers by destination and status, durations and the age of the process", () => {
  const statistics = parseStatistics(
    [
      "# TYPE envoy_cluster_upstream_rq counter",
      `envoy_cluster_upstream_rq{cluster_name="${iris}",response_code="200"} 41`,
      `envoy_cluster_upstream_rq{response_code="503",cluster_name="${iris}"} 2`,
      // Of the same requests, seen in another way.
      `envoy_cluster_external_upstream_rq{cluster_name="${iris}",response_code="200"} 41`,
      `envoy_cluster_upstream_rq_xx{cluster_name="${iris}",response_code_class="2xx"} 41`,
      `envoy_cluster_upstream_rq_retry{cluster_name="${iris}"} 9`,
      `envoy_cluster_upstream_rq_completed{cluster_name="${iris}"} 43`,
      `envoy_cluster_upstream_rq_time_bucket{cluster_name="${iris}",le="5"} 40`,
      `envoy_cluster_upstream_rq_time_bucket{cluster_name="${iris}",le="10"} 40`,
      `envoy_cluster_upstream_rq_time_bucket{cluster_name="${iris}",le="+Inf"} 41`,
      `envoy_cluster_upstream_rq_time_sum{cluster_name="${iris}"} 60.1`,
      "envoy_server_uptime{} 17",
      "",
    ].join("\n"),
  );
  const counters = statistics.destinations.get(iris);
  expect([...statistics.destinations.keys()]).toEqual([iris]);
  expect([...(counters?.answers ?? [])]).toEqual([
    [200, 41],
    [503, 2],
  ]);
  expect(counters?.latency?.[bucketOf(5)]).toBe(40);
  expect(counters?.latency?.at(-1)).toBe(1);
  expect(statistics).toMatchObject({ uptime: 17, keepsCounters: true, hasDurations: true });
});

it("a page tells how requests ended, as Istio's proxies name it and as this environment's Envoy does", () => {
  const istio = (more: Record<string, string>) => {
    const labels = {
      reporter: "source",
      source_workload: "istio-ingressgateway",
      destination_workload: "unknown",
      destination_service: "iris-v1-predictor.models.svc.cluster.local",
      destination_service_name: "iris-v1-predictor",
      destination_service_namespace: "models",
      request_protocol: "http",
      response_code: "200",
      response_flags: "-",
      grpc_response_status: "",
      ...more,
    };
    const told = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    return `istio_requests_total{${told.join(",")}}`;
  };
  const own = (code: number, flags: string) =>
    `envoy_istiocustom_istio_requests_total{reporter="source",cluster_name="${iris}",response_code="${code}",response_flags="${flags}"}`;
  const page = (...lines: string[]) => parseStatistics(lines.join("\n"));
  const told = page(
    `${istio({})} 41`,
    // Where the same requests went, by pods.
    `${istio({ destination_workload: "iris-v1" })} 9`,
    `${istio({ response_code: "0", response_flags: "DC" })} 3`,
    `${istio({ reporter: "destination" })} 50`,
    `envoy_cluster_upstream_rq{cluster_name="${iris}",response_code="200"} 50`,
  );
  expect(told.tellsEnds).toBe(true);
  const ends = (statistics: typeof told) =>
    [...statistics.destinations.values()].flatMap((counters) =>
      [...counters.ends].map(([as, count]) => [as.split(" ").slice(0, 2).join(" "), count]),
    );
  expect(ends(told)).toEqual([
    ["200 -", 41],
    ["200 -", 9],
    ["0 DC", 3],
  ]);
  for (const destination of told.destinations.keys())
    expect(serviceOfDestination(destination, "models")).toBe("iris-v1-predictor");
  expect(ends(page(`${own(200, "UC")} 2`, `${own(503, "UF,URX")} 1`))).toEqual([
    ["200 UC", 2],
    ["503 UF,URX", 1],
  ]);
  expect(page(`envoy_cluster_upstream_rq{cluster_name="${iris}",response_code="200"} 1`).tellsEnds).toBe(false);
  expect(page("envoy_server_uptime{} 3").tellsEnds).toBeUndefined();
  // A Telemetry took the flags away: nobody can tell then.
  expect(page(`${istio({}).replace(/response_flags="[^"]*",/, "")} 41`).tellsEnds).toBeUndefined();
});

it("an empty page tells nothing, not even that counters are kept", () => {
  expect(parseStatistics("envoy_server_uptime{} 3\n")).toMatchObject({
    uptime: 3,
    keepsCounters: undefined,
    hasDestinations: false,
    hasDurations: false,
  });
});

it("answers without a status are counters that are not kept", () => {
  expect(parseStatistics(`envoy_cluster_upstream_rq_completed{cluster_name="${iris}"} 4\n`).keepsCounters).toBe(false);
  // Of a page with everything that is kept: nobody asked yet, and that is known.
  expect(parseStatistics(`envoy_cluster_upstream_rq_completed{cluster_name="${iris}"} 0\n`)).toMatchObject({
    keepsCounters: undefined,
    hasDestinations: true,
  });
});

it.each([
  [String.raw`a{x="quote \" brace } comma ,",y="back\\slash"} 1`, { x: 'quote " brace } comma ,', y: "back\\slash" }],
  [String.raw`a{x="line\nbreak",y=""} 1`, { x: "line\nbreak", y: "" }],
  [
    `a{x="outbound|80|v1|iris.models.svc.cluster.local",} 1 1700000000000`,
    { x: "outbound|80|v1|iris.models.svc.cluster.local" },
  ],
  ["a 1", {}],
])("labels may hold anything: %s", (line, labels) => {
  const sample = parseSample(line);
  expect(sample).toMatchObject({ name: "a", value: 1 });
  expect(Object.fromEntries(sample?.labels ?? [])).toEqual(labels);
});

it.each(["", "# HELP a b", "a", "a{", 'a{x="1"}', "1a 5"])("%j is not a sample", (line) => {
  expect(parseSample(line)).toBeUndefined();
});

it("a pod's own annotations win over its ProxyConfig, kind by kind", () => {
  const config = '{"proxyStatsMatcher": {"inclusionRegexps": ["a.*"], "inclusionPrefixes": ["b"]}}';
  expect(matcherOf({ "proxy.istio.io/config": config })).toMatchObject({
    inclusionRegexps: ["a.*"],
    inclusionPrefixes: ["b"],
  });
  expect(matcherOf({ "proxy.istio.io/config": config, "sidecar.istio.io/statsInclusionRegexps": "c,d" })).toMatchObject(
    { inclusionRegexps: ["c", "d"], inclusionPrefixes: ["b"] },
  );
  expect(matcherOf({})).toEqual({});
});
