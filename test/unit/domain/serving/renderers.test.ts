import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { httpRouteManifest, referenceGrantManifest, referencesOf } from "../../../../src/domain/serving/httpRoute.ts";
import { filtersOf, httpRouteLimits, needsOf } from "../../../../src/domain/serving/httpRouteFeatures.ts";
import { targetsOf } from "../../../../src/domain/serving/observedRoute.ts";
import type { RouteGateway } from "../../../../src/domain/serving/route.ts";
import { virtualServiceManifest } from "../../../../src/domain/serving/virtualService.ts";
import { everyRoute } from "./routes.ts";

/** The two objects of each route, as committed in test/golden/routes.json (written anew with UPDATE_GOLDENS=1). */

const golden = join(import.meta.dirname, "../../../golden/routes.json");
const gateway: RouteGateway = { name: "istio-ingress/models", hosts: ["models.example.com"], checksKeys: true };
const routes = everyRoute(gateway);
const route = (name: string) => {
  const found = routes[name];
  if (!found) throw new Error(`there is no route of ${name}`);
  return found;
};

it("both objects of every route are the golden ones", () => {
  const rendered = Object.entries(routes).map(([name, each]) => [
    name,
    { virtualService: virtualServiceManifest(each).spec, httpRoute: httpRouteManifest(each).spec },
  ]);
  const text = `${JSON.stringify(Object.fromEntries(rendered), null, 2)}\n`;
  if (process.env.UPDATE_GOLDENS) writeFileSync(golden, text);
  expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(golden, "utf8")));
});

it.each(Object.entries(routes))("both objects of %s are the same route under the same name", (_, each) => {
  const [virtualService, httpRoute] = [virtualServiceManifest(each), httpRouteManifest(each)];
  expect(httpRoute.metadata).toEqual(virtualService.metadata);
  const { namespace } = each;
  expect(targetsOf(httpRoute.spec, namespace)).toEqual(targetsOf(virtualService.spec, namespace));
  const paths = virtualService.spec.http.map(({ match }) =>
    match.map(({ uri }) => ({ PathPrefix: uri.prefix, Exact: uri.exact })),
  );
  const alike = httpRoute.spec.rules.map(({ matches }) =>
    matches.map(({ path: { type, value } }) => ({ PathPrefix: undefined, Exact: undefined, [type]: value })),
  );
  expect(alike).toEqual(paths);
  // A replaced prefix is one alone (CEL rules of the HTTPRoute kind), and a path that matches alone is replaced whole.
  for (const { matches, filters } of httpRoute.spec.rules) {
    const rewrite = filters.find(({ type }) => type === "URLRewrite");
    const [match] = matches;
    if (!rewrite) continue;
    expect(matches).toHaveLength(1);
    expect(JSON.stringify(rewrite)).toContain(match?.path.type === "Exact" ? "replaceFullPath" : "replacePrefixMatch");
  }
  expect(httpRoute.spec.rules.length).toBeLessThanOrEqual(16);
});

it("no path of a stack is below another's, so that it does not matter which of two matches an API prefers", () => {
  const paths = [...new Set(Object.values(routes).flatMap(({ rules }) => rules.flatMap((rule) => rule.paths)))];
  expect(paths.length).toBeGreaterThan(15);
  for (const one of paths.filter((path) => path.endsWith("/"))) {
    expect(paths.filter((other) => other !== one && other.startsWith(one))).toEqual([]);
  }
});

describe("an HTTPRoute", () => {
  it("without the namespace of its Gateway is in that of the route, and with every host names none", () => {
    const spec = (changes: Partial<RouteGateway>) => {
      const each = everyRoute({ ...gateway, ...changes })["the API service"];
      return each && httpRouteManifest(each).spec;
    };
    expect(spec({ name: "models" })?.parentRefs).toMatchObject([{ name: "models", namespace: "menagerie" }]);
    expect(spec({ hosts: ["*"] })).not.toHaveProperty("hostnames");
    expect(spec({ hosts: ["a.example.com", "*"] })).not.toHaveProperty("hostnames");
  });

  it.each([
    [100, {}],
    [10, { percent: 10 }],
    [0.5, { fraction: { numerator: 5, denominator: 1000 } }],
    [12.25, { fraction: { numerator: 1225, denominator: 10_000 } }],
    [0.01, { fraction: { numerator: 1, denominator: 10_000 } }],
    [33.333_333, { fraction: { numerator: 333_333, denominator: 1_000_000 } }],
  ])("copies %d percent of the requests", (percent, share) => {
    const [rule] = route("one shadow").rules;
    const mirrors = rule?.mirrors?.map((mirror) => ({ ...mirror, percent })) ?? [];
    const changed = { ...route("one shadow"), rules: rule ? [{ ...rule, mirrors }] : [] };
    const filters = httpRouteManifest(changed).spec.rules[0]?.filters ?? [];
    const copy = filters.find((filter) => "requestMirror" in filter);
    const backendRef = { group: "", kind: "Service", name: "next-a-transformer", port: 80 };
    expect(copy).toEqual({ type: "RequestMirror", requestMirror: { backendRef, ...share } });
  });

  it("needs of its implementation what its route has, and no more", () => {
    expect(needsOf(route("the API service"))).toEqual([]);
    expect(needsOf(route("a model"))).toEqual(["path"]);
    expect(needsOf(route("a Knative model"))).toEqual(["path", "host"]);
    expect(needsOf(route("one shadow"))).toEqual(["path", "mirror"]);
    expect(needsOf(route("several shadows of a share"))).toEqual(["path", "mirror", "mirrors", "percent"]);
  });

  it("needs a grant for each Service of another namespace, and no other", () => {
    expect(referencesOf(route("a model"))).toEqual([]);
    expect(referencesOf(route("several shadows of a share"))).toEqual([]);
    expect(referencesOf(route("a development version"))).toEqual([{ service: "api", namespace: "menagerie" }]);
    const [knative] = referencesOf(route("a Knative model"));
    expect(knative && referenceGrantManifest(knative, "models")).toMatchObject({
      metadata: { name: "models-routes-to-knative-local-gateway", namespace: "istio-system" },
      spec: {
        from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: "models" }],
        to: [{ group: "", kind: "Service", name: "knative-local-gateway" }],
      },
    });
  });

  it("has a filter for the rewrite, one for keys and one for each copy", () => {
    expect(filtersOf(route("several shadows of a share"))).toBe(4);
    expect(filtersOf(route("the API service"))).toBe(0);
    expect(httpRouteLimits.filtersOfRule).toBe(16);
  });
});
