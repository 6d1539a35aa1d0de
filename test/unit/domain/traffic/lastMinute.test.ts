import { describe, expect, it } from "vitest";
import {
  describeTraffic,
  type LastMinute,
  otherTraffic,
  trafficOf,
} from "../../../../src/domain/traffic/lastMinute.ts";
import type { TrafficSummary } from "../../../../src/domain/traffic/traffic.ts";

const until = Date.UTC(2026, 10, 30, 12, 3, 0) / 1000;
const window = { since: until - 60, until };
const whole = { knownSeconds: 60, endsKnownSeconds: 60, countedUntil: until, silent: [] };
const summary = (more: Partial<TrafficSummary>): TrafficSummary => ({
  knownSeconds: 60,
  windowSeconds: 60,
  endsKnownSeconds: 60,
  requests: 0,
  byOutcome: {},
  inKnown: {},
  perSecond: 0,
  errors: 0,
  errorShare: undefined,
  p50: undefined,
  p95: undefined,
  p99: undefined,
  ...more,
});
const asked = summary({ requests: 600, perSecond: 10, errors: 46, errorShare: 46 / 600, p99: 29.9 });
const minute = (more: Partial<LastMinute> = {}): LastMinute => ({
  window,
  paths: { route: whole, app: whole },
  versions: [{ versionId: "1", model: "iris", number: 1, route: asked, app: summary({}) }],
  unknownToGateway: new Set(),
  ...more,
});
const lines = (last: LastMinute, version: string, kind = "zoo") => describeTraffic(trafficOf(last, version), kind);

describe("menagerie status says of a version", () => {
  it("how much it was asked, and how it answered", () => {
    expect(lines(minute(), "1")).toEqual(["10 requests/s, 46 failed (7.7 %), p99 30 ms at the gateway"]);
  });

  it("how many clients left before their answer was over", () => {
    const left = { ...asked, inKnown: { "2xx": 500, client_gone: 54 } };
    const versions = [{ versionId: "1", model: "iris", number: 1, route: left, app: summary({}) }];
    expect(lines(minute({ versions }), "1")).toEqual([
      "10 requests/s, 46 failed (7.7 %), 54 left by their clients, p99 30 ms at the gateway",
    ]);
  });

  it("that nobody asked it, where that is known", () => {
    expect(lines(minute(), "2")).toEqual(["0 requests/s at the gateway"]);
    expect(lines(minute(), "2", "development")).toEqual(["0 requests/s through the API service"]);
  });

  it("how much of the minute is missing, and who is silent", () => {
    const part = { knownSeconds: 48, endsKnownSeconds: 48, countedUntil: until - 12, silent: ["istio-system/gateway"] };
    expect(lines(minute({ paths: { route: part, app: whole } }), "1")).toEqual([
      "10 requests/s, 46 failed (7.7 %), p99 30 ms at the gateway (12 s of the last minute not counted: no counts from istio-system/gateway)",
    ]);
  });

  it("since when it is not counted, and nothing like a number", () => {
    const away = { knownSeconds: 0, endsKnownSeconds: 0, countedUntil: until - 600, silent: ["api-1"] };
    const never = { knownSeconds: 0, endsKnownSeconds: 0, countedUntil: undefined, silent: [] };
    const unknown = summary({ knownSeconds: 0, perSecond: undefined });
    const last = minute({
      paths: { route: never, app: away },
      versions: [{ versionId: "1", model: "iris", number: 1, route: unknown, app: unknown }],
    });
    expect(lines(last, "1")).toEqual([
      "requests not counted at the gateway",
      "requests not counted through the API service since 11:53:00 UTC: no counts from api-1",
    ]);
    expect(trafficOf(last, "1").app.notCountedSince).toBe("2026-11-30T11:53:00.000Z");
  });

  it("that the gateway cannot tell requests in Knative mode, whatever it counts", () => {
    const last = minute({ unknownToGateway: new Set(["2"]) });
    expect(lines(last, "2")).toEqual([
      "requests not counted at the gateway: Knative mode has one destination for all versions",
    ]);
    const { route, app } = trafficOf(last, "2");
    expect(route).toMatchObject({ knownSeconds: 0, isCounted: false, summary: { knownSeconds: 0, requests: 0 } });
    expect(route.summary.perSecond).toBeUndefined();
    expect(app).toMatchObject({ knownSeconds: 60, isCounted: true, summary: { perSecond: 0 } });
    expect(lines(last, "1")).toEqual(lines(minute(), "1"));
  });

  it("nothing where the counts cannot be read", () => {
    expect(describeTraffic(null, "zoo")).toEqual([]);
  });
});

it("versions that are asked and that no model of the status is are told too", () => {
  const others = otherTraffic(minute(), [{ versionId: "2" }, { versionId: null }]);
  expect(others.map(({ model, version }) => `${model} ${version}`)).toEqual(["iris 1"]);
  expect(otherTraffic(minute(), [{ versionId: "1" }])).toEqual([]);
});
