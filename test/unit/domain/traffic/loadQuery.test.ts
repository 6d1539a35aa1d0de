import { expect, it } from "vitest";
import { loadQuery } from "../../../../src/domain/traffic/loadQuery.ts";

const iris = {
  service: "iris-v2",
  namespace: "models",
  servicesNamespace: "menagerie",
  gatewayNamespace: "istio-ingress",
};

/** What PromQL matches whole, by RE2; JavaScript reads what is used of it alike. */
function matches(host: string, { port = 80, sleeps = false } = {}): boolean {
  const text = /cluster_name=~"([^"]+)"/.exec(loadQuery("rps", { ...iris, sleeps }))?.[1] ?? "";
  return new RegExp(`^(?:${text})$`).test(`outbound|${port}||${host}`);
}

it("counts one version: by its predictor, its recorder and the way by which it wakes, under a name that the engine made up", () => {
  for (const host of [
    "iris-v2-predictor.models.svc.cluster.local",
    "iris-v2-predictor.models.svc.cluster.local;",
    "iris-v2-transformer.models.svc.cluster.local",
    "iris-v2-0a1b2c3d-transformer.models.svc.cluster.local",
    "iris-v2-activator.menagerie.svc.cluster.local",
  ]) {
    expect([host, matches(host)]).toEqual([host, true]);
  }
  for (const host of [
    "iris-v21-predictor.models.svc.cluster.local",
    "iris-predictor.models.svc.cluster.local",
    "my-iris-v2-predictor.models.svc.cluster.local",
    "iris-v2-copy-predictor.models.svc.cluster.local",
    "iris-v2-predictor.other.svc.cluster.local",
    "iris-v2-predictor-models-svc.cluster.local",
  ]) {
    expect([host, matches(host)]).toEqual([host, false]);
  }
});

it("counts the copies that come to a version that may sleep by their own port", () => {
  const host = "iris-v2-activator.menagerie.svc.cluster.local";
  const counted = [80, 81].map((port) => matches(host, { port, sleeps: true }));
  expect(counted).toEqual([true, true]);
  expect(matches(host, { port: 8081, sleeps: true })).toBe(false);
});

it("asks what the gateway's pods and the API service's count, each metric by its own series", () => {
  expect(loadQuery("rps", iris)).toMatch(
    /^\(sum\(rate\(envoy_cluster_upstream_rq_completed\{namespace="istio-ingress",.*\}\[2m\]\)\) or on\(\) .*\) \+ \(sum\(rate\(menagerie_api_version_requests_total\{namespace="menagerie",.*\}\[2m\]\)\) or on\(\) /,
  );
  expect(loadQuery("concurrency", iris)).toMatch(
    /^\(sum\(avg_over_time\(envoy_cluster_upstream_rq_active\{namespace="istio-ingress",.*\}\[1m\]\)\) or on\(\) .*\) \+ \(sum\(avg_over_time\(menagerie_api_version_requests_in_flight\{namespace="menagerie",.*\}\[1m\]\)\) or on\(\) /,
  );
});

it("names the version to the API service's counters as the engine may have", () => {
  const [, text = ""] = /inference_service=~"([^"]+)"/.exec(loadQuery("rps", iris)) ?? [];
  const named = new RegExp(`^(?:${text})$`);
  expect(["iris-v2", "iris-v2-0a1b2c3d"].map((name) => named.test(name))).toEqual([true, true]);
  expect(["iris-v21", "iris-v2-2", "my-iris-v2", "iris"].map((name) => named.test(name))).toEqual(Array(4).fill(false));
});
