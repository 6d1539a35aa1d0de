import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { request as apiRequest, KubernetesApiError, requestJson } from "../../../src/adapters/kubernetes/request.ts";
import { applyManifest, type Manifest, pathOf } from "../../local/support/manifests.ts";
import { type Routes, type Rule, to } from "../../local/support/routes.ts";
import { OwnGateway } from "../../support/gateway/ownGateway.ts";

/** Objects that Envoy would refuse, and parts of the gateway that are killed under traffic. */

const space = "faults-of-the-gateway";
let own: OwnGateway;
let routes: Routes;

beforeAll(async () => {
  own = await OwnGateway.open(space, ["model", "other", "late"]);
  routes = own.routes;
});

afterAll(() => own?.close());

const remove = async (manifest: Manifest): Promise<void> => {
  await apiRequest(own.cluster, "DELETE", await pathOf(own.cluster, manifest));
};

const header = (value: string, name = "x-a"): Rule => ({
  headers: { request: { set: { [name]: value } } },
  ...to("model"),
});
const regex = (pattern: string): Rule => ({ match: [{ uri: { regex: pattern } }], ...to("model") });
const letters = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";

describe("a VirtualService that Istio's webhook takes and Envoy does not", () => {
  test.each<[string, Rule, RegExp]>([
    ["an operator that Envoy does not know", header("%BOGUS%"), /operator between %/],
    [
      "one of a destination's header",
      { route: [{ destination: { host: "model" }, headers: { response: { add: { "x-a": "a %BOGUS(x):3% b" } } } }] },
      /operator between %/,
    ],
    ["an operator without its parameters", header("%REQ%"), /operator between %/],
    ["one with parameters that it does not take", header("%DURATION(x)%"), /operator between %/],
    ["a header's name with a line break", header("v", "x\ny"), /a name has a line break/],
    ["one that is removed", { headers: { response: { remove: ["x\ny"] } }, ...to("model") }, /a name has a line break/],
    ["a long value", header("v".repeat(20_000)), /longer than 16384/],
    ["a group that is repeated too often", regex(`(${letters}){900}`), /larger than Envoy takes/],
    ["one in another", regex("((a{30}b){30}c){30}"), /larger than Envoy takes/],
    ["many characters that are", regex("a{1000}".repeat(100)), /larger than Envoy takes/],
    [
      "a regular expression of CORS",
      { corsPolicy: { allowOrigins: [{ regex: `(${letters}){900}` }] }, ...to("model") },
      /larger/,
    ],
    ["an escape above a byte", regex("\\x{10FFFF}"), /an escape above/],
    ["status 600", { directResponse: { status: 600 } }, /must be below 600/],
    [
      "an abort with 600",
      { fault: { abort: { httpStatus: 600, percentage: { value: 1 } } }, ...to("model") },
      /below 600/,
    ],
    ["a redirect by 304", { redirect: { uri: "/x", redirectCode: 304 } }, /redirectCode/],
    [
      "a parameter without a name",
      { match: [{ queryParams: { "": { exact: "a" } } }], ...to("model") },
      /a name is empty/,
    ],
    ["a line break in a rewrite", { rewrite: { uri: "/a\nb" }, ...to("model") }, /a value has a line break/],
    ["one in a host", { rewrite: { authority: "a\nb" }, ...to("model") }, /a value has a line break/],
    ["one in a redirect", { redirect: { authority: "a\nb" } }, /a value has a line break/],
  ])("for %s is refused when it is written, with the reason", async (_, rule, why) => {
    const refused = await routes.apply("refused", [rule]).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(KubernetesApiError);
    expect((refused as Error).message).toMatch(why);
  });

  test("is told from those that Envoy takes", async () => {
    const host = await routes.routed("taken", [
      header("100%% of %REQ(x-b)% at %START_TIME(%s)% from %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
      regex("/v[0-9]+/.*"),
      regex("/[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"),
      regex("/(api|v1){1,2}/([^/]+/){0,5}models/[\\w.-]{1,64}(:predict)?"),
      regex("/99999/99999"),
      { directResponse: { status: 599 } },
      { redirect: { uri: "/x", redirectCode: 308 } },
      { rewrite: { uriRegexRewrite: { match: "^/a/([^/]+)(/.*)$", rewrite: "\\2/\\1" } }, ...to("model") },
    ]);
    expect((await routes.seenBy(host, "/")).headers["x-a"]).toMatch(/^100% of/);
  });
});

describe("an HTTPRoute that Gateway API's schema takes and Envoy does not", () => {
  const modifier = (change: object) => ({
    filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: change }],
  });
  const path = (value: string) => ({ matches: [{ path: { type: "RegularExpression", value } }] });
  test.each<[string, object, RegExp]>([
    [
      "an operator that Envoy does not know",
      modifier({ set: [{ name: "x", value: "%BOGUS%" }] }),
      /operator between %/,
    ],
    ["one without its parameters", modifier({ add: [{ name: "x", value: "%REQ%" }] }), /operator between %/],
    ["a line break in a value", modifier({ set: [{ name: "x", value: "a\nb" }] }), /a value has a line break/],
    ["one in a name", modifier({ remove: ["a\nb"] }), /a name has a line break/],
    [
      "one in a path",
      {
        filters: [{ type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/a\nb" } } }],
      },
      /a path has a line break/,
    ],
    ["a lookahead", path("/(?=a)b"), /invalid or unsupported Perl syntax/],
    ["a group that is repeated too often", path(`/(${letters}){900}`), /larger than Envoy takes/],
    [
      "an unbalanced bracket in a header's match",
      { matches: [{ headers: [{ type: "RegularExpression", name: "x", value: "[" }] }] },
      /missing closing/,
    ],
  ])("for %s is refused when it is written, with the reason", async (_, rule, why) => {
    const refused = await applyManifest(own.cluster, httpRoute("refused", rule)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(KubernetesApiError);
    expect((refused as Error).message).toMatch(why);
  });

  test("is told from those that Envoy takes", async () => {
    const rule = {
      ...modifier({ set: [{ name: "x-a", value: "100%% of %REQ(x-b)%" }] }),
      matches: [{ path: { type: "RegularExpression", value: "/v[0-9]+/.*" } }],
    };
    await applyManifest(own.cluster, httpRoute("taken-too", rule));
    await vi.waitFor(
      async () => expect((await routes.seenBy("taken-too.test", "/v1/x")).headers["x-a"]).toMatch(/^100% of/),
      { timeout: 20_000 },
    );
  });
});

function httpRoute(name: string, rule: object): Manifest {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name, namespace: space },
    spec: {
      parentRefs: [{ name: "menagerie", namespace: "istio-system" }],
      hostnames: [`${name}.test`],
      rules: [{ backendRefs: [{ name: "model", port: 80 }], ...rule }],
    },
  };
}

describe("an object that Envoy refuses all the same", () => {
  const status = async () =>
    JSON.parse((await own.home.menagerie(["status", "--json"])).stdout) as {
      refusedTables: object[];
      leftOut: { object: string; reason: string }[];
    };
  const patient = { timeout: 60_000, interval: 500 };
  const inMesh = (apiVersion: string, kind: string, spec: object): Manifest => ({
    apiVersion,
    kind,
    metadata: { name: "bad", namespace: "istio-system" },
    spec,
  });
  const gatewayPods = { selector: { matchLabels: { istio: "ingress" } } };
  // Nothing checks it before: a name that begins like one of Envoy's operators.
  const unknown = (name: string) => routes.manifest(name, [header("%UPSTREAM_BOGUS%")]);

  test.each<[string, readonly (() => Manifest)[], string]>([
    [
      "an EnvoyFilter",
      [
        () =>
          inMesh("networking.istio.io/v1alpha3", "EnvoyFilter", {
            configPatches: [
              {
                applyTo: "ROUTE_CONFIGURATION",
                match: { context: "GATEWAY" },
                patch: {
                  operation: "MERGE",
                  value: { request_headers_to_add: [{ header: { key: "x", value: "%BOGUS%" } }] },
                },
              },
            ],
          }),
      ],
      "BOGUS",
    ],
    ["a VirtualService", [() => unknown("one-bad")], "UPSTREAM_BOGUS"],
    ["several at once", [() => unknown("first-bad"), () => unknown("second-bad")], "UPSTREAM_BOGUS"],
    [
      "a RequestAuthentication",
      [
        () =>
          inMesh("security.istio.io/v1", "RequestAuthentication", {
            ...gatewayPods,
            jwtRules: [{ issuer: "x", jwks: '{"keys":[]}' }],
          }),
      ],
      "public key",
    ],
    [
      "a DestinationRule",
      [
        () => ({
          ...inMesh("networking.istio.io/v1", "DestinationRule", {
            host: `model.${space}.svc.cluster.local`,
            trafficPolicy: {
              loadBalancer: { consistentHash: { httpHeaderName: "x", ringHash: { minimumRingSize: 99_999_999 } } },
            },
          }),
        }),
      ],
      "MinimumRingSize",
    ],
  ])("is left out and named, and holds nobody back: %s", async (title, make, why) => {
    const objects = make.map((each) => each());
    for (const object of objects) await applyManifest(own.cluster, object);
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`).sort();
    await vi.waitFor(
      async () => expect((await status()).leftOut.map(({ object }) => object).sort()).toEqual(names),
      patient,
    );
    const found = await status();
    expect(found.leftOut.map(({ reason }) => reason).join()).toContain(why);
    expect(found.refusedTables).toEqual([]);
    const host = await routes.routed(`beside-${title.replaceAll(/[^a-z]/gi, "").toLowerCase()}`, [to("other")]);
    expect((await routes.seenBy(host, "/")).server).toBe("other");
    for (const object of objects) await remove(object);
    await vi.waitFor(async () => expect((await status()).leftOut).toEqual([]), patient);
  });

  test("is told so on itself, and served once it is corrected", async () => {
    await applyManifest(own.cluster, unknown("corrected"));
    await vi.waitFor(async () => expect((await status()).leftOut).toHaveLength(1), patient);
    const { stdout } = await own.home.menagerie(["status"]);
    expect(stdout).toContain(`VirtualService ${space}/corrected: `);
    const stored = await requestJson<{ status: { conditions: { status: string; message: string }[] } }>(
      own.cluster,
      "GET",
      await pathOf(own.cluster, unknown("corrected")),
    );
    expect(stored.status.conditions).toMatchObject([
      { status: "False", message: expect.stringContaining("UPSTREAM_BOGUS") },
    ]);
    const { items } = await requestJson<{ items: { reason: string; involvedObject: { name: string } }[] }>(
      own.cluster,
      "GET",
      `/api/v1/namespaces/${space}/events`,
    );
    expect(items.find(({ involvedObject }) => involvedObject.name === "corrected")?.reason).toBe("LeftOut");
    const host = await routes.routed("corrected", [to("model")]);
    expect((await routes.seenBy(host, "/")).server).toBe("model");
    await vi.waitFor(async () => expect((await status()).leftOut).toEqual([]), patient);
  });
});

describe("two that claim one path", () => {
  test("are both served, the older first", async () => {
    const { spec } = routes.manifest("shared", [{ match: [{ uri: { prefix: "/x" } }], ...to("model") }]) as unknown as {
      spec: { http: readonly Rule[] };
    };
    await routes.routed("shared", spec.http);
    const younger = { ...routes.manifest("shared-too", [to("other")], "shared.test") };
    await delay(1_100);
    await applyManifest(own.cluster, younger);
    await vi.waitFor(async () => expect((await routes.seenBy("shared.test", "/else")).server).toBe("other"), {
      timeout: 20_000,
    });
    expect((await routes.seenBy("shared.test", "/x")).server).toBe("model");
  });
});

/** Sends requests without a pause while `act` runs; answers how many had which status, 0 where the connection broke. */
async function underTraffic(host: string, act: () => Promise<void>): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  let going = true;
  const senders = Array.from({ length: 4 }, async () => {
    while (going) {
      const status = await routes.ask(host, "/").then(
        (answer) => answer.status,
        () => 0,
      );
      counts.set(status, (counts.get(status) ?? 0) + 1);
      if (status === 0) await delay(10);
    }
  });
  await act();
  going = false;
  await Promise.all(senders);
  return counts;
}

describe("a Service and a route to it", () => {
  test("can come together: no request is answered with 503", async () => {
    const { late } = own.backends.ports;
    const seen = new Set<number | string>();
    for (let round = 0; round < 10; round += 1) {
      const name = `at-once-${round}`;
      await Promise.all([own.backends.serve(name, late), routes.apply(name, [to(name)])]);
      await vi.waitFor(
        async () => {
          const { status, text } = await routes.ask(`${name}.test`, "/");
          // Its sentence says what the gateway did not know yet.
          seen.add(status === 503 ? text : status);
          expect(status).toBe(200);
        },
        { timeout: 10_000, interval: 2 },
      );
    }
    // Until the route is there.
    expect([...seen].sort()).toEqual([200, 404]);
  });

  // Envoy gathers changes of pods that it knows for a second, unless it is told otherwise.
  test.each([300, 600, 900])(
    "of a pod that becomes ready %d ms after it was made, when the route moves to it: no request is answered with 503",
    async (milliseconds) => {
      const { late } = own.backends.ports;
      for (let round = 0; round < 4; round += 1) {
        const name = `moves-${milliseconds}-${round}`;
        const host = await routes.routed(name, [to("model")]);
        // As KServe makes it: the Service first.
        await own.backends.serve(name, undefined);
        await delay(1_500);
        await own.backends.serve(name, late, false);
        await delay(milliseconds);
        const counts = await underTraffic(host, async () => {
          await own.backends.serve(name, late);
          await routes.apply(name, [to(name)]);
          await vi.waitFor(async () => expect((await routes.seenBy(host, "/")).server).toBe("late"), {
            timeout: 20_000,
          });
          await delay(300);
        });
        expect([...counts.keys()]).toEqual([200]);
      }
    },
  );
});

describe("killed under traffic", () => {
  test("istiod: every request is answered, and changes are followed when it is back", async () => {
    const host = await routes.routed("without-istiod", [to("model")]);
    const counts = await underTraffic(host, async () => {
      own.home.kill(/\/pilot-discovery /);
      await delay(2_000);
      await vi.waitFor(() => routes.apply("without-istiod", [to("other")]), { timeout: 60_000, interval: 500 });
      await vi.waitFor(async () => expect((await routes.seenBy(host, "/")).server).toBe("other"), { timeout: 60_000 });
    });
    expect([...counts.keys()]).toEqual([200]);
  });

  test("Envoy: it is back within some seconds, with the routes that it had", async () => {
    const host = await routes.routed("without-envoy", [to("model")]);
    const counts = await underTraffic(host, async () => {
      own.home.kill(/\/envoy /);
      await delay(300);
      await vi.waitFor(async () => expect((await routes.ask(host, "/")).status).toBe(200), { timeout: 20_000 });
    });
    expect([...counts.keys()].filter((status) => status !== 200 && status !== 0)).toEqual([]);
  });

  test("Envoy while istiod is away: the routes come back with istiod", async () => {
    const host = await routes.routed("without-both", [to("model")]);
    own.home.kill(/\/(envoy|pilot-discovery) /);
    await vi.waitFor(async () => expect((await routes.ask(host, "/")).status).toBe(200), {
      timeout: 60_000,
      interval: 100,
    });
  });
});
