import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { request as apiRequest, KubernetesApiError } from "../../../src/adapters/kubernetes/request.ts";
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
    ["a header's name with a line break", header("v", "x\ny"), /a name has a line break/],
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

  test("by some other way is named by `menagerie status`, and holds nobody back once it is corrected", async () => {
    const status = async () =>
      JSON.parse((await own.home.menagerie(["status", "--json"])).stdout) as {
        refusedTables: { table: string; reason: string; suspect: string }[];
      };
    expect((await status()).refusedTables).toEqual([]);
    // An EnvoyFilter is a patch of Envoy's own configuration, which nothing checks before.
    const filter = {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "EnvoyFilter",
      metadata: { name: "bad", namespace: "istio-system" },
      spec: {
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
      },
    } as Manifest;
    await delay(1_100);
    await applyManifest(own.cluster, filter);
    await vi.waitFor(
      async () =>
        expect((await status()).refusedTables).toEqual([
          expect.objectContaining({
            suspect: "EnvoyFilter istio-system/bad",
            reason: expect.stringContaining("BOGUS"),
          }),
        ]),
      { timeout: 20_000, interval: 500 },
    );
    const { stdout } = await own.home.menagerie(["status"]);
    expect(stdout).toContain("EnvoyFilter istio-system/bad: ");
    await remove(filter);
    await routes.routed("after-the-bad", [to("other")]);
    expect((await status()).refusedTables).toEqual([]);
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
  test("that come together are served within a second; where the Service came before, no request fails", async () => {
    const { late } = own.backends.ports;
    await own.backends.serve("early", late);
    // istiod tells Envoy within 0.1 s, and Envoy asks for the endpoints.
    await delay(1_000);
    await routes.apply("early", [to("early")]);
    const seen = new Set<number>();
    await vi.waitFor(
      async () => {
        const { status } = await routes.ask("early.test", "/");
        seen.add(status);
        expect(status).toBe(200);
      },
      { timeout: 5_000, interval: 2 },
    );
    expect([...seen].filter((status) => status === 503)).toEqual([]);
    await Promise.all([own.backends.serve("at-once", late), routes.apply("at-once", [to("at-once")])]);
    await vi.waitFor(async () => expect((await routes.ask("at-once.test", "/")).status).toBe(200), { timeout: 5_000 });
  });
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
      ...{ timeout: 60_000, interval: 100 },
    });
  });
});
