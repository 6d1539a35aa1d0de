import { describe, expect, it } from "vitest";
import {
  httpRouteLimits,
  mostOwnPathsByCookie,
  rulesByCookie,
} from "../../../../src/domain/serving/httpRouteFeatures.ts";
import { modelRoute } from "../../../../src/domain/serving/modelRoute.ts";
import { targetsOf } from "../../../../src/domain/serving/observedRoute.ts";
import { stickyHeaderManifest } from "../../../../src/domain/serving/stickyHeader.ts";
import {
  type DividedRoute,
  renderTraffic,
  type TrafficSide,
  trafficAnnotations,
  trafficObject,
  trafficPlace,
} from "../../../../src/domain/serving/trafficRoute.ts";
import { virtualServiceManifest } from "../../../../src/domain/serving/virtualService.ts";
import type { RolloutTraffic } from "../../../../src/domain/zoo/traffic.ts";

const gateway = { name: "istio-system/menagerie", hosts: ["*"] };
const side = (number: number, change: Partial<TrafficSide> = {}): TrafficSide => ({
  versionId: `1${number}`,
  service: `iris-v${number}`,
  mode: "Standard",
  recorded: false,
  ...change,
});

function route(change: Partial<DividedRoute> = {}): DividedRoute {
  const identity = { name: "iris", namespace: "models", model: "iris", kind: "zoo", managedBy: "stack" } as const;
  return { ...identity, gateway, old: side(1), new: side(2), ...change };
}

function row(change: Partial<RolloutTraffic> = {}): RolloutTraffic {
  const pair = { model: "iris", from: "11", to: "12", hash: "b", generation: 7, changedAt: new Date(0) };
  return { ...pair, weight: 10, control: 0, sticky: undefined, ...change };
}

interface Rule {
  readonly name?: string;
  readonly match?: readonly { readonly headers?: Readonly<Record<string, { readonly regex: string }>> }[];
  readonly route?: readonly { readonly weight?: number; readonly headers?: object }[];
}

/** Rules of the delegate. */
function rules(traffic: RolloutTraffic, divided = route()): readonly Rule[] {
  const { spec } = renderTraffic(traffic, divided);
  if (!("http" in spec)) throw new Error("no VirtualService");
  return spec.http;
}

const to = (service: string) => ({
  destination: { host: `${service}.models.svc.cluster.local`, port: { number: 80 } },
});

describe("the object that divides requests", () => {
  it("has both versions by their weights, the one that apps use first", () => {
    expect(rules(row({ weight: 10 }))).toEqual([
      {
        name: "drawn",
        route: [
          { ...to("iris-v1-predictor"), weight: 90 },
          { ...to("iris-v2-predictor"), weight: 10 },
        ],
      },
    ]);
    expect(rules(row({ weight: 100 }))).toEqual([{ name: "all", route: [to("iris-v2-predictor")] }]);
    expect(rules(row({ weight: 0 }))).toEqual([{ name: "all", route: [to("iris-v1-predictor")] }]);
    expect(rules(row({ weight: 0.5 }))[0]?.route?.map(({ weight }) => weight)).toEqual([9950, 50]);
  });

  it("says which generation it is of, and what it was made from", () => {
    const { metadata } = renderTraffic(row(), route());
    expect(metadata).toMatchObject({ name: trafficObject("iris"), namespace: "models" });
    expect(trafficPlace(route())).toBe("VirtualService models/iris-traffic");
    expect(metadata.labels).toMatchObject({ "menagerie.dev/model": "iris", "menagerie.dev/kind": "zoo" });
    expect(metadata.annotations[trafficAnnotations.generation]).toBe("7");
    const kept = JSON.parse(metadata.annotations[trafficAnnotations.route] ?? "") as DividedRoute;
    expect(renderTraffic(row(), kept)).toEqual(renderTraffic(row(), route()));
  });

  it("is not made from the row of another rollout", () => {
    expect(() => renderTraffic(row({ to: "13" }), route())).toThrow(
      "iris: the database divides versions 11 and 13, its route 11 and 12",
    );
  });

  it("takes requests by the cookie's name of this generation first, and sets it where it draws", () => {
    const [old, fresh, drawn] = rules(row({ sticky: "cookie" }));
    const cookie = (rule: Rule | undefined) => new RegExp(`^${rule?.match?.[0]?.headers?.cookie?.regex}$`);
    for (const held of [
      "menagerie-iris-7=old",
      "a=b; menagerie-iris-7=old",
      "menagerie-iris-7=old; c=d",
      "a=b;menagerie-iris-7=old ;c=d",
      "a=b; menagerie-iris-7=old.0b9f2c1e-6a54; c=d",
    ]) {
      expect(held).toMatch(cookie(old));
      expect(held).not.toMatch(cookie(fresh));
    }
    for (const other of [
      "menagerie-iris-6=old",
      "menagerie-iris-7=older",
      "x-menagerie-iris-7=old",
      "menagerie-iris-7=new",
    ]) {
      expect(other).not.toMatch(cookie(old));
    }
    expect(drawn?.match).toBeUndefined();
    expect(drawn?.route).toEqual([
      {
        ...to("iris-v1-predictor"),
        weight: 90,
        headers: {
          response: {
            add: {
              "set-cookie": "menagerie-iris-7=old; Path=/serving/models/iris/; Max-Age=2592000; HttpOnly; SameSite=Lax",
            },
          },
        },
      },
      expect.objectContaining({ weight: 10 }),
    ]);
    expect(rules(row({ sticky: "cookie", weight: 100 }))).toEqual(rules(row({ weight: 100 })));
  });

  it("tells recorders by which cookie it draws, and gives it the id of the request that is drawn, where both versions are recorded", () => {
    const both = route({ old: side(1, { recorded: true }), new: side(2, { recorded: true }) });
    const told = { request: { set: { "x-menagerie-coin": "menagerie-iris-7" } } };
    const [old, fresh, drawn] = rules(row({ sticky: "cookie" }), both);
    for (const kept of [old, fresh]) expect(kept?.route?.[0]?.headers).toEqual(told);
    expect(drawn?.route?.[1]?.headers).toEqual({
      ...told,
      response: { add: { "set-cookie": expect.stringMatching(/^menagerie-iris-7=new\.%REQ\(X-REQUEST-ID\)%; Path=/) } },
    });
    for (const other of [row({ sticky: "cookie", weight: 100 }), row()])
      expect(JSON.stringify(rules(other, both))).not.toContain("x-menagerie-coin");
    const one = route({ new: side(2, { recorded: true }) });
    expect(JSON.stringify(rules(row({ sticky: "cookie" }), one))).not.toContain("x-menagerie-coin");
  });

  it("tells recorders which requests it drew one by one, where both versions are recorded and somebody judges by them", () => {
    const both = { old: side(1, { recorded: true }), new: side(2, { recorded: true }), tellsDraws: true as const };
    const told = { request: { set: { "x-menagerie-coin": "coin 7" } } };
    const [drawn] = rules(row(), route(both));
    expect(drawn?.route?.map(({ headers }) => headers)).toEqual([told, told]);
    // With what says which version is to answer.
    const asleep = { sleeps: { servicesNamespace: "menagerie" } };
    const [woken] = rules(row(), route({ ...both, new: side(2, { recorded: true, ...asleep }) }));
    expect(woken?.route?.[0]?.headers).toEqual({
      request: { set: { "x-menagerie-coin": "coin 7", "x-menagerie-version": "iris-v1" } },
    });
    // Batches, those who keep their side, and those of whom nobody drew one.
    const batches = { servicesNamespace: "menagerie" };
    const checking = route({ ...both, batches, gateway: { ...gateway, checksKeys: true } });
    const [batch] = rules(row(), checking);
    expect(JSON.stringify(batch)).not.toContain("coin");
    for (const other of [row({ weight: 100 }), row({ weight: 0, control: 20 }), row({ sticky: "cookie" })])
      expect(JSON.stringify(rules(other, route(both)))).not.toContain("coin 7");
    for (const other of [
      { ...both, tellsDraws: undefined },
      { ...both, old: side(1) },
    ])
      expect(JSON.stringify(rules(row(), route(other)))).not.toContain("coin");
    // Of Gateway API with the rule, beside what it removes: headers of one of two backends not every implementation can set.
    const { spec } = renderTraffic(row(), route({ ...both, gateway: { ...gateway, api: "gateway-api" } }));
    expect(spec).toMatchObject({
      rules: expect.arrayContaining([
        expect.objectContaining({
          filters: expect.arrayContaining([
            {
              type: "RequestHeaderModifier",
              requestHeaderModifier: {
                remove: expect.arrayContaining(["x-menagerie-version"]),
                set: [{ name: "x-menagerie-coin", value: "coin 7" }],
              },
            },
          ]),
          backendRefs: [expect.not.objectContaining({ filters: [] }), expect.not.objectContaining({ filters: [] })],
        }),
      ]),
    });
  });

  it("draws by the hash of a header through a filter that names its rule, by hundredths of a percent whatever the weight", () => {
    const drawn = (weight: number) => rules(row({ sticky: "header:x-user", weight }));
    expect(drawn(10)).toEqual([
      {
        name: "by-header-models-iris",
        route: [
          { ...to("iris-v1-predictor"), weight: 9000 },
          { ...to("iris-v2-predictor"), weight: 1000 },
        ],
      },
    ]);
    expect(drawn(0.5)[0]?.route?.map(({ weight }) => weight)).toEqual([9950, 50]);
    expect(drawn(100)).toEqual(rules(row({ weight: 100 })));
    const { gateway: attached, ...identity } = route({ paths: ["/generate"] });
    const filter = (hash: string) => stickyHeaderManifest({ ...identity, gateway: attached, header: "x-user", hash });
    const { metadata, spec } = filter("b");
    expect(metadata).toMatchObject({ name: "models-iris-by-header", namespace: "istio-system" });
    const named = spec.configPatches.map(({ match }) => match.routeConfiguration.vhost.route.name);
    const delegated = virtualServiceManifest(modelRoute({ ...route({ paths: ["/generate"] }), mode: "Standard" }));
    expect(named).toEqual(delegated.spec.http.map(({ name }) => `${name}-by-header-models-iris`));
    // It has no weight, so that whoever changes one leaves it alone; another content draws everybody anew.
    expect(JSON.stringify(spec)).not.toContain("1000");
    expect(filter("c").spec).not.toEqual(spec);
  });

  it("tells recorders the header by which it draws, and a key, where all requests are recorded; they have a draw of their own", () => {
    const drawKey = "0123456789abcdef0123456789abcdef";
    const both = route({ old: side(1, { recorded: true }), new: side(2, { recorded: true }), tellsUsers: true });
    const of = row({ sticky: "header:x-user", drawKey });
    const told = { request: { set: { "x-menagerie-coin": `hash 7 x-user ${drawKey}` } } };
    const [rule, ...others] = rules(of, both);
    expect(others).toEqual([]);
    expect(rule?.route?.map(({ headers, weight }) => [headers, weight])).toEqual([
      [told, 9000],
      [told, 1000],
    ]);
    const unrecorded = route({ tellsUsers: true, old: side(1, { recorded: true }) });
    for (const [untold, by] of [
      [{ ...of, weight: 100 }, both],
      [{ ...of, weight: 0 }, both],
      [{ ...of, drawKey: undefined }, both],
      [{ ...of, sticky: undefined }, both],
      [of, { ...both, tellsUsers: undefined }],
      [of, unrecorded],
    ] as const)
      expect(JSON.stringify(rules(untold, by))).not.toContain("x-menagerie-coin");
    const { gateway: attached, ...identity } = route();
    const filter = { ...identity, gateway: attached, header: "x-user", hash: "b" };
    const salted = JSON.stringify(stickyHeaderManifest({ ...filter, tellsUsers: true }));
    expect(salted).toContain("models/iris/b/users/");
    expect(JSON.stringify(stickyHeaderManifest(filter))).not.toContain("users/");
  });

  it("copies to the version that does not answer, where one answers all", () => {
    const mirrors = (weight: number) => rules(row({ weight, control: 5 }))[0];
    const copied = (service: string) => [{ ...to(service), percentage: { value: 5 } }];
    expect(mirrors(100)).toMatchObject({ mirrors: copied("iris-v1-predictor") });
    expect(mirrors(0)).toMatchObject({ mirrors: copied("iris-v2-predictor") });
    expect(mirrors(50)).not.toHaveProperty("mirrors");
  });

  it("copies to what wakes a version that may sleep, and says there whose the copies are", () => {
    const asleep = { recorded: true, sleeps: { servicesNamespace: "menagerie" }, copiesPort: 81 };
    const divided = route({ old: side(1, asleep), new: side(2, { recorded: true }) });
    const mirrors = [
      {
        destination: { host: "iris-v1-activator.menagerie.svc.cluster.local", port: { number: 81 } },
        percentage: { value: 5 },
      },
    ];
    const set = { "x-menagerie-version": "iris-v2", "x-menagerie-copied-to": "iris-v1" };
    expect(rules(row({ weight: 100, control: 5 }), divided)).toEqual([
      { name: "all", route: [{ ...to("iris-v2-transformer"), headers: { request: { set } } }], mirrors },
    ]);
    for (const uncopied of [row({ weight: 100 }), row({ weight: 50, control: 5 })])
      expect(JSON.stringify(rules(uncopied, divided))).not.toContain("copied-to");
    // As in phase `copy`, where the model answers.
    const [mirrored] = rules(row({ weight: 0, control: 10 }), route({ new: side(2, asleep) }));
    expect(mirrored).toMatchObject({
      route: [{ ...to("iris-v1-predictor"), headers: { request: { set: { "x-menagerie-copied-to": "iris-v2" } } } }],
      mirrors: [{ destination: { port: { number: 81 } }, percentage: { value: 10 } }],
    });
    // A Knative version that answers gets the Host that its ingress goes by; copies for the other one have a header.
    const [knative] = rules(
      row({ weight: 100, control: 5 }),
      route({ old: side(1, asleep), new: side(2, { mode: "Knative" }) }),
    );
    expect(knative).toMatchObject({
      route: [{ headers: { request: { set: { ...set, Host: "iris-v2-predictor.models.svc.cluster.local" } } } }],
      mirrors,
    });
  });

  it("leads batches past what is counted, where the gateway checks keys, by the same weights, without a copy or a cookie", () => {
    const batches = { servicesNamespace: "menagerie" };
    const checking = route({ gateway: { ...gateway, checksKeys: true }, batches, old: side(1, { recorded: true }) });
    const taking = (service: string, weight?: number) => ({
      destination: { host: "batches.menagerie.svc.cluster.local", port: { number: 80 } },
      headers: { request: { set: { "x-menagerie-batch-to": service } } },
      ...(weight === undefined ? {} : { weight }),
    });
    const match = [{ headers: { "x-menagerie-batch-to": { regex: ".+" } } }];
    const parted = (change: Partial<RolloutTraffic>) => rules(row(change), checking);
    const drawn = { name: "batch", match, route: [taking("iris-v1", 90), taking("iris-v2", 10)] };
    expect(parted({})).toEqual([drawn, ...rules(row(), { ...checking, batches: undefined })]);
    for (const sticky of ["cookie", "header:x-user"] as const) expect(parted({ sticky })[0]).toEqual(drawn);
    expect(parted({ weight: 100, control: 5 })[0]).toEqual({ name: "batch", match, route: [taking("iris-v2")] });
    expect(parted({ weight: 0, control: 5 })[0]).toEqual({ name: "batch", match, route: [taking("iris-v1")] });
    // Where nobody looks at keys, the header is anybody's; Knative's ingress is one destination for all versions.
    for (const other of [{ gateway }, { new: side(2, { mode: "Knative" }) }] as const)
      expect(JSON.stringify(rules(row(), { ...checking, ...other }))).not.toContain("batch");
  });

  it("copies past what wakes a version, where an earlier release declared that without a port for copies", () => {
    const asleep = { recorded: true, sleeps: { servicesNamespace: "menagerie" } };
    const [all] = rules(row({ weight: 100, control: 5 }), route({ old: side(1, asleep) }));
    expect(all).toMatchObject({ mirrors: [{ ...to("iris-v1-transformer"), percentage: { value: 5 } }] });
    expect(JSON.stringify(all)).not.toContain("copied-to");
  });

  it("goes to recorders, to what wakes a version that may sleep, and to Knative by the Host", () => {
    const sleeps = { servicesNamespace: "menagerie" };
    const [asleep] = rules(row(), route({ old: side(1, { sleeps }), new: side(2, { recorded: true }) }));
    expect(asleep?.route).toMatchObject([
      {
        destination: { host: "iris-v1-activator.menagerie.svc.cluster.local" },
        headers: { request: { set: { "x-menagerie-version": "iris-v1" } } },
      },
      { ...to("iris-v2-transformer"), headers: { request: { set: { "x-menagerie-version": "iris-v2" } } } },
    ]);
    const knative = side(2, { mode: "Knative" });
    const { spec } = renderTraffic(row(), route({ new: knative }));
    expect(spec).toMatchObject({
      http: [
        {
          route: [
            to("iris-v1-predictor"),
            {
              destination: { host: "knative-local-gateway.istio-system.svc.cluster.local" },
              headers: { request: { set: { Host: "iris-v2-predictor.models.svc.cluster.local" } } },
            },
          ],
        },
      ],
    });
    expect(targetsOf(spec, "models").rewrittenHosts).toEqual(["iris-v2-predictor.models.svc.cluster.local"]);
  });
});

it("of Gateway API it is the whole route: a rule of each path for each side", () => {
  const api = "gateway-api" as const;
  const { kind, spec } = renderTraffic(row({ sticky: "cookie" }), route({ gateway: { ...gateway, api } }));
  if (!("rules" in spec)) throw new Error("no HTTPRoute");
  expect(kind).toBe("HTTPRoute");
  const ofPath = spec.rules.filter(({ matches }) => matches[0]?.path.value === "/serving/models/iris/v1/");
  expect(ofPath.map(({ matches }) => matches[0]?.headers?.map(({ name, type }) => `${name} ${type}`))).toEqual([
    ["cookie RegularExpression"],
    ["cookie RegularExpression"],
    undefined,
  ]);
  expect(ofPath[2]?.backendRefs).toMatchObject([
    { name: "iris-v1-predictor", weight: 90, filters: [{ type: "ResponseHeaderModifier" }] },
    { name: "iris-v2-predictor", weight: 10 },
  ]);
  expect(ofPath[2]?.filters).toEqual([
    { type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v1/" } } },
    { type: "RequestHeaderModifier", requestHeaderModifier: { remove: ["x-menagerie-version"] } },
  ]);
});

it("of Gateway API batches have a rule of each path before the others, as far as an HTTPRoute has room for them", () => {
  const checking = { name: gateway.name, hosts: gateway.hosts, checksKeys: true, api: "gateway-api" as const };
  const rulesOf = (paths: readonly string[], change: Partial<RolloutTraffic> = {}) => {
    const batches = { servicesNamespace: "menagerie" };
    const { spec } = renderTraffic(row(change), route({ gateway: checking, batches, paths }));
    if (!("rules" in spec)) throw new Error("no HTTPRoute");
    return spec.rules;
  };
  const [batch, drawn] = rulesOf([]);
  const value = "/serving/models/iris/v1/";
  const isBatch = { type: "RegularExpression", name: "x-menagerie-batch-to", value: ".+" };
  expect(batch?.matches).toEqual([{ path: { type: "PathPrefix", value }, headers: [isBatch] }]);
  expect(batch?.backendRefs).toMatchObject([
    {
      name: "batches",
      namespace: "menagerie",
      port: 80,
      weight: 90,
      filters: [{ requestHeaderModifier: { set: [{ name: "x-menagerie-batch-to", value: "iris-v1" }] } }],
    },
    { name: "batches", weight: 10 },
  ]);
  expect(drawn?.matches).toEqual([{ path: { type: "PathPrefix", value } }]);
  const own = Array.from({ length: 10 }, (_, number) => `/path-${number}`);
  const isParted = (paths: readonly string[], sticky?: "cookie") =>
    JSON.stringify(rulesOf(paths, { sticky })).includes("batch");
  expect([5, 6].map((count) => isParted(own.slice(0, count)))).toEqual([true, false]);
  expect([1, 2].map((count) => isParted(own.slice(0, count), "cookie"))).toEqual([true, false]);
  // Each path has three rules by cookie then, which the config's refusal counts as well.
  const { length } = rulesOf(own.slice(0, mostOwnPathsByCookie), { sticky: "cookie" });
  expect(length).toBe(rulesByCookie(mostOwnPathsByCookie));
  expect(length).toBeLessThanOrEqual(httpRouteLimits.rules);
  expect(rulesByCookie(mostOwnPathsByCookie + 1)).toBeGreaterThan(httpRouteLimits.rules);
});

it("of Gateway API copies go to what wakes a version that may sleep, too", () => {
  const api = "gateway-api" as const;
  const asleep = { recorded: true, sleeps: { servicesNamespace: "menagerie" }, copiesPort: 81 };
  const { spec } = renderTraffic(
    row({ weight: 100, control: 5 }),
    route({ gateway: { ...gateway, api }, old: side(1, asleep) }),
  );
  if (!("rules" in spec)) throw new Error("no HTTPRoute");
  const [rule] = spec.rules;
  expect(rule?.filters).toContainEqual({
    type: "RequestMirror",
    requestMirror: {
      backendRef: { group: "", kind: "Service", name: "iris-v1-activator", namespace: "menagerie", port: 81 },
      percent: 5,
    },
  });
  const set = [
    { name: "x-menagerie-version", value: "iris-v2" },
    { name: "x-menagerie-copied-to", value: "iris-v1" },
  ];
  expect(rule?.backendRefs).toMatchObject([{ filters: [{ requestHeaderModifier: { set } }] }]);
});

it("the stack's own route names it for each path, and takes from requests what says a version", () => {
  const { old: _, new: __, ...identity } = route();
  const { spec } = virtualServiceManifest(
    modelRoute({ ...identity, mode: "Standard", delegate: trafficObject("iris") }),
  );
  expect(spec.http[0]).toEqual({
    name: "v1",
    match: [{ uri: { prefix: "/serving/models/iris/v1/" } }],
    rewrite: { uri: "/v1/" },
    headers: { request: { remove: ["x-menagerie-version"] } },
    delegate: { name: "iris-traffic", namespace: "models" },
  });
  expect(spec.http.every((rule) => "delegate" in rule && !("route" in rule))).toBe(true);
});
