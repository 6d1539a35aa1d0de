import { describe, expect, it } from "vitest";
import { serviceOfDestination, versionsByService } from "../../../../src/domain/traffic/destinations.ts";
import {
  countersFilter,
  durationsFilter,
  inclusionRegexp,
  keepsCounters,
} from "../../../../src/domain/traffic/statistics.ts";

const name = (end: string) => `cluster.outbound|80||iris-v1-predictor.models.svc.cluster.local;.${end}`;

describe("a matcher of Istio's statistics", () => {
  it.each([
    [{ inclusionRegexps: [inclusionRegexp] }],
    [{ inclusionRegexps: [".*upstream_rq.*"] }],
    [{ inclusionPrefixes: ["cluster.outbound"] }],
    [{ inclusionRegexps: [String.raw`.*upstream_rq_\d+`], inclusionSuffixes: ["completed", "upstream_rq_time"] }],
  ])("%j keeps what counts are made from", (matcher) => {
    expect(keepsCounters(matcher)).toBe(true);
  });

  it.each([
    [{}],
    // Istio matches whole names.
    [{ inclusionRegexps: ["upstream_rq"] }],
    [{ inclusionSuffixes: ["upstream_rq_timeout"] }],
    [{ inclusionRegexps: [".*upstream_rq_retry.*", ".*upstream_cx_.*"] }],
    [{ inclusionRegexps: ["("] }],
    [{ inclusionPrefixes: ["cluster.inbound"] }],
  ])("%j does not", (matcher) => {
    expect(keepsCounters(matcher)).toBe(false);
  });
});

describe("what Envoy is asked for", () => {
  it("is what the client got of each destination, and nothing that counts it twice", () => {
    const asked = new RegExp(countersFilter);
    expect(["upstream_rq_200", "upstream_rq_503", "upstream_rq_completed"].every((end) => asked.test(name(end)))).toBe(
      true,
    );
    for (const end of [
      "external.upstream_rq_200",
      "retry.upstream_rq_503",
      "upstream_rq_2xx",
      "upstream_rq_time",
      "upstream_rq_total",
    ])
      expect(asked.test(name(end)), end).toBe(false);
    expect(asked.test("server.uptime")).toBe(true);
    expect(asked.test("istiocustom.istio_requests_total.reporter.source.response_code.200")).toBe(true);
    expect(asked.test("istiocustom.istio_requests_total;.;reporter=.=source;.;response_code=.=200;.;")).toBe(true);
    expect(asked.test("istiocustom.istio_request_bytes.reporter.source")).toBe(false);
    expect(asked.test("cluster.xds-grpc.upstream_rq_200")).toBe(false);
    expect(new RegExp(durationsFilter).test(name("upstream_rq_time"))).toBe(true);
  });

  it("is what an Istio before 1.24 calls it, too", () => {
    expect(
      new RegExp(countersFilter).test("cluster.outbound|80||a-predictor.b.svc.cluster.local.upstream_rq_200"),
    ).toBe(true);
  });
});

describe("a destination", () => {
  it.each([
    ["outbound|80||iris-v1-predictor.models.svc.cluster.local", "iris-v1-predictor"],
    ["outbound|80|canary|iris-v1-predictor.models.svc.cluster.local", "iris-v1-predictor"],
    ["outbound|80||iris-v1-activator.services.svc.cluster.local", "iris-v1-activator"],
    // Copies, whose answers nobody gets.
    ["outbound|81||iris-v1-activator.services.svc.cluster.local", undefined],
    // Istio's own counter of requests names no port.
    ["outbound|||iris-v1-activator.services.svc.cluster.local", "iris-v1-activator"],
    ["outbound|80||iris-v1-predictor.other.svc.cluster.local", undefined],
    ["outbound|443||models.example.com", undefined],
    ["inbound|80||iris-v1-predictor.models.svc.cluster.local", undefined],
    ["BlackHoleCluster", undefined],
    ["outbound|80", undefined],
    ["", undefined],
  ])("%s is Service %s", (destination, service) => {
    expect(serviceOfDestination(destination, "models", "services")).toBe(service);
  });

  it("is a version's by the name that its row has, else its own, with a recorder or without", () => {
    const versions = versionsByService([
      { id: "1", model: "llama_3", number: 4, service: null },
      { id: "2", model: "iris", number: 1, service: "iris-v1-a1b2" },
      { id: "3", model: "iris_copy", number: 2, service: null },
    ]);
    expect(Object.fromEntries(versions)).toEqual({
      "llama-3-v4-predictor": "1",
      "llama-3-v4-transformer": "1",
      "llama-3-v4-activator": "1",
      "iris-v1-a1b2-predictor": "2",
      "iris-v1-a1b2-transformer": "2",
      "iris-v1-a1b2-activator": "2",
      "iris-copy-predictor": "3",
      "iris-copy-transformer": "3",
      "iris-copy-activator": "3",
    });
  });
});
