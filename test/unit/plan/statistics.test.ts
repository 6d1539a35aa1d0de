import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { matcherOf } from "../../../src/adapters/envoyStatistics/gatewayMatchers.ts";
import { parseEnvironment } from "../../../src/config/parse.ts";
import {
  checkStatistics,
  type StatisticsReader,
  statisticsAnnotation,
  withEmbeddedStatistics,
} from "../../../src/plan/statistics.ts";

const image = `r/services@sha256:${"0".repeat(64)}`;
const spec = (more: object = {}) =>
  parseEnvironment(
    { gateway: { name: "istio-ingress/models" }, database: { host: "db" }, services: { image }, ...more },
    { gatewayUrl: "https://models" },
  );
const keeping = matcherOf(load(statisticsAnnotation) as Record<string, string>);
const reader = (changes: Partial<StatisticsReader> = {}): StatisticsReader => ({
  gatewayMatchers: async () => [keeping, keeping],
  meshConfigs: async () => [{ providers: [], trustDomains: [] }],
  ...changes,
});

describe("the preview of a stack whose gateway", () => {
  it("keeps its counters says nothing: by the annotation that it prints itself, by MeshConfig, in an embedded environment", async () => {
    expect(await checkStatistics(spec(), reader())).toEqual([]);
    const byMesh = reader({
      gatewayMatchers: async () => [{}],
      meshConfigs: async () => [{ providers: [], trustDomains: [], statsMatcher: keeping }],
    });
    expect(await checkStatistics(spec(), byMesh)).toEqual([]);
    expect(
      await checkStatistics(spec(), withEmbeddedStatistics({ ...byMesh, gatewayMatchers: async () => [] })),
    ).toEqual([]);
  });

  it("keeps none in some pods prints what to add", async () => {
    const [told, ...more] = await checkStatistics(spec(), reader({ gatewayMatchers: async () => [keeping, {}, {}] }));
    expect(more).toEqual([]);
    expect(told).toContain(
      "menagerie:gateway.name: 2 of 3 pods of Gateway istio-ingress/models keep no counters of their destinations",
    );
    expect(told).toContain(statisticsAnnotation);
  });

  it("has a list of its own that leaves them out is told, though MeshConfig has them", async () => {
    const own = reader({
      gatewayMatchers: async () => [{ inclusionRegexps: [".*upstream_cx.*"] }],
      meshConfigs: async () => [{ providers: [], trustDomains: [], statsMatcher: keeping }],
    });
    expect(await checkStatistics(spec(), own)).toHaveLength(1);
  });

  it("cannot be asked says that it was not checked", async () => {
    const refused = reader({ gatewayMatchers: () => Promise.reject(new Error("pods is forbidden")) });
    expect(await checkStatistics(spec(), refused)).toEqual([
      "not checked whether the gateway keeps the counters that requests are counted by: pods is forbidden",
    ]);
    expect((await checkStatistics(spec(), reader({ gatewayMatchers: async () => [] })))[0]).toContain(
      "Gateway istio-ingress/models has no pods",
    );
  });

  it("nobody counts, for want of a database, is asked nothing", async () => {
    const unasked = reader({ gatewayMatchers: () => Promise.reject(new Error("asked")) });
    expect(await checkStatistics(spec({ database: undefined, services: undefined }), unasked)).toEqual([]);
  });

  it("keeps no counter of what a model scales by is refused, with or without a database", async () => {
    const withoutActive = { inclusionRegexps: [String.raw`.*upstream_rq_(\d\d\d|completed|time)`] };
    const scaling = (target: object, more: object = {}) =>
      spec({
        zoo: { iris: { truss: "models/iris", phase: "done", replicas: { max: 4, target } } },
        prometheus: { url: "http://prometheus:9090" },
        ...more,
      });
    const some = reader({ gatewayMatchers: async () => [keeping, withoutActive] });
    for (const more of [{}, { database: undefined, services: undefined }]) {
      await expect(checkStatistics(scaling({ concurrency: 8 }, more), some)).rejects.toThrow(
        `menagerie:zoo.iris.replicas.target.concurrency: 1 of 2 pods of Gateway istio-ingress/models keep no counter upstream_rq_active; add this annotation to the pods' template and restart them (docs/traffic.md): ${statisticsAnnotation}`,
      );
    }
    expect(await checkStatistics(scaling({ concurrency: 8 }), reader())).toEqual([]);
    expect(await checkStatistics(scaling({ rps: 20 }), some)).toEqual([]);
    expect(await checkStatistics(scaling({ cpu: 70 }), some)).toEqual([]);
  });
});
