import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { KubeConfig } from "@kubernetes/client-node";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { request as apiRequest, KubernetesApiError, requestJson } from "../../../src/adapters/kubernetes/request.ts";
import { httpRouteManifest } from "../../../src/domain/serving/httpRoute.ts";
import { mirroredRoute } from "../../../src/domain/serving/mirroredRoute.ts";
import { withoutQueryKeys } from "../../../src/domain/serving/queryKeys.ts";
import { virtualServiceManifest } from "../../../src/domain/serving/virtualService.ts";
import { Backends, type SeenRequest } from "../support/backends.ts";
import { applyManifest, namespace, pathOf } from "../support/manifests.ts";
import { type Asked, Routes, type Rule, to } from "../support/routes.ts";
import { SharedEnvironment } from "../support/sharedEnvironment.ts";

/** How long something that comes by itself may take: with a second, a busy machine decides a test. */
const soon = { timeout: 60_000, interval: 20 };

/** What a client of the gateway and the servers behind it see: Istio's control plane, and the Envoy that it drives. */

const space = "behind-the-gateway";
const shadowed = ["next-primary", "next-a", "next-b"].map((name) => `${name}-transformer`);
let shared: SharedEnvironment;
let cluster: KubeConfig;
let backends: Backends;
let gateway: string;
let routes: Routes;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  cluster = shared.kubeConfig();
  ({ gateway } = await shared.json<{ gateway: string }>("status", "--json"));
  routes = new Routes({ gateway, cluster, namespace: space });
  await applyManifest(cluster, namespace(space));
  backends = await Backends.start(shared.home, { cluster, namespace: space, names: ["model", "other", ...shadowed] });
});

afterAll(async () => {
  await backends?.stop();
  if (cluster) await apiRequest(cluster, "DELETE", await pathOf(cluster, namespace(space)));
  await shared?.close();
});

const routed = (name: string, http: readonly Rule[]) => routes.routed(name, http);
const ask = (host: string, path: string, asked?: Asked) => routes.ask(host, path, asked);
const seenBy = (host: string, path: string, asked?: Asked) => routes.seenBy(host, path, asked);
const sentence = (host: string, path: string) => routes.sentence(host, path);

describe("a route", () => {
  test("rewrites the path, keeps host, query and body, and names the request", async () => {
    const host = await routed("rewriting", [
      { match: [{ uri: { prefix: "/serving/" } }], rewrite: { uri: "/" }, ...to("model") },
    ]);
    const { url, body, headers } = await seenBy(host, "/serving/v1/a%2Fb?x=1", { body: "{}" });
    expect({ url, body }).toEqual({ url: "/v1/a%2Fb?x=1", body: "{}" });
    expect(headers).toMatchObject({ host, "content-length": "2", "x-forwarded-proto": "http" });
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("takes keys from the queries of requests to models, and changes nothing else of them", async () => {
    const host = await routed("keys", [to("model")]);
    const queries = [
      "api_key=s3cret",
      "a=1&api_key=s3cret&b=%20&&c",
      "API%5fKEY=s3cret&x",
      "monkey=1&key=2",
      "?api_key=1",
    ];
    for (const query of queries) {
      const path = `/serving/models/m?${query}`;
      expect((await seenBy(host, path)).url).toBe(withoutQueryKeys(path));
    }
    expect((await seenBy(host, "/else?api_key=1")).url).toBe("/else?api_key=1");
  });

  test("keeps the id that a request brings", async () => {
    const host = await routed("named", [to("model")]);
    expect((await seenBy(host, "/", { headers: { "x-request-id": "mine" } })).headers["x-request-id"]).toBe("mine");
  });

  test("changes headers of both sides, and the host", async () => {
    const host = await routed("headers", [
      {
        headers: {
          request: { set: { "x-a": "set" }, add: { "x-b": "added" }, remove: ["x-gone"] },
          response: { remove: ["x-from"] },
        },
        rewrite: { authority: "iris.zoo" },
        ...to("model"),
      },
    ]);
    const answer = await ask(host, "/", { headers: { "x-gone": "1", "x-a": "client" } });
    const { headers } = JSON.parse(answer.text) as { headers: Record<string, string> };
    expect(headers).toMatchObject({ "x-a": "set", "x-b": "added", host: "iris.zoo" });
    expect(headers).not.toHaveProperty("x-gone");
    expect(answer.headers).not.toHaveProperty("x-from");
  });

  test("is chosen by header, cookie, method and regular expression, else by what comes after", async () => {
    const host = await routed("chosen", [
      {
        match: [
          { headers: { "x-tenant": { exact: "a" } } },
          { headers: { cookie: { regex: "^(.*;\\s*)?v=2(;.*)?$" } } },
        ],
        ...to("other"),
      },
      { match: [{ method: { exact: "HEAD" } }], directResponse: { status: 418 } },
      { match: [{ uri: { regex: "/v[0-9]+/.*" } }], ...to("other") },
      to("model"),
    ]);
    const server = async (path: string, headers = {}) => (await seenBy(host, path, { headers })).server;
    expect(await server("/", { "x-tenant": "a" })).toBe("other");
    expect(await server("/", { cookie: "u=1; v=2" })).toBe("other");
    expect(await server("/v12/x")).toBe("other");
    expect(await server("/va/x")).toBe("model");
    expect((await ask(host, "/", { method: "HEAD" })).status).toBe(418);
  });

  test("shares requests by weight", async () => {
    const share = (host: string, weight: number) => ({ destination: { host, port: { number: 80 } }, weight });
    const host = await routed("weighted", [{ route: [share("model", 80), share("other", 20)] }]);
    const servers = await Promise.all(Array.from({ length: 300 }, async () => (await seenBy(host, "/")).server));
    // 60 are expected; 5 standard deviations are 35.
    const others = servers.filter((server) => server === "other").length;
    expect(others).toBeGreaterThan(25);
    expect(others).toBeLessThan(95);
  });

  test("redirects, and responds directly with what it declares", async () => {
    const host = await routed("own-answers", [
      { match: [{ uri: { exact: "/moved" } }], redirect: { uri: "/there", redirectCode: 307 } },
      {
        directResponse: { status: 503, body: { string: "closed" } },
        headers: { response: { set: { "x-why": "night" } } },
      },
    ]);
    expect(await ask(host, "/moved?a")).toMatchObject({ status: 307, headers: { location: `http://${host}/there?a` } });
    expect(await ask(host, "/")).toMatchObject({ status: 503, text: "closed", headers: { "x-why": "night" } });
  });

  test("that changes is followed, and no request fails while 15 changes pass", async () => {
    const host = await routed("changing", [to("model")]);
    let failed = 0;
    let going = true;
    const load = (async () => {
      while (going) if ((await ask(host, "/")).status !== 200) failed += 1;
    })();
    for (let change = 0; change < 15; change += 1) {
      await routes.apply("changing", [to(change % 2 ? "model" : "other")]);
    }
    await routes.apply("changing", [to("other")]);
    await vi.waitFor(async () => expect((await seenBy(host, "/")).server).toBe("other"), { ...soon, interval: 5 });
    going = false;
    await load;
    expect(failed).toBe(0);
  });
});

describe("bytes", () => {
  test("large ones pass unchanged, with or without a length", async () => {
    const host = await routed("large", [to("model")]);
    const large = Buffer.alloc(10 * 1024 * 1024, "abcdefg");
    for (const body of [large, Readable.from([large])]) {
      const answer = await request(`${gateway}/same`, { method: "POST", headers: { host }, body });
      expect(Buffer.from(await answer.body.arrayBuffer()).equals(large)).toBe(true);
    }
  });

  test("the first of an answer are passed on before the last are there", async () => {
    const host = await routed("streaming", [to("model")]);
    const { body } = await request(`${gateway}/held`, { headers: { host } });
    const pieces = body[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe("first");
    await ask(host, "/release");
    expect(String((await pieces.next()).value)).toBe("last");
  });

  test("a client that goes away is gone for the server too", async () => {
    const host = await routed("leaving", [to("model")]);
    const abort = new AbortController();
    const left = request(`${gateway}/hang`, { headers: { host }, signal: abort.signal }).catch(() => "left");
    await vi.waitFor(() => expect(backends.seen).toContainEqual(expect.objectContaining({ url: "/hang" })), soon);
    abort.abort();
    expect(await left).toBe("left");
    await vi.waitFor(() => expect(backends.seen).toContainEqual(expect.objectContaining({ method: "CLOSE" })), soon);
  });

  test("an answer that breaks off is not taken for the whole", async () => {
    const host = await routed("breaking", [to("model")]);
    await expect(ask(host, "/break")).rejects.toThrow();
  });

  test("WebSocket connections are joined, and HTTP/2 is spoken", async () => {
    const host = await routed("protocols", [{ rewrite: { uri: "/ws/" }, ...to("model") }]);
    const client = connect(Number(new URL(gateway).port), "127.0.0.1");
    client.write(`GET /chat HTTP/1.1\r\nhost: ${host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`);
    let seen = "";
    for await (const chunk of client) {
      seen += chunk;
      if (seen.endsWith("|")) client.write("hello");
      else if (seen.endsWith("hello")) client.end();
    }
    expect(seen).toMatch(/^HTTP\/1.1 101 [\s\S]*\r\n\r\n\/ws\/chat\|hello$/);
    const session = connectHttp2(gateway);
    const answer = await text(session.request({ ":path": "/x", ":authority": host }));
    session.close();
    expect(JSON.parse(answer)).toMatchObject({ url: "/ws/x" });
  });
});

describe("what cannot be answered is said in a sentence", () => {
  test("404: host and path that no VirtualService has", async () => {
    expect(await sentence("nobody.test", "/x")).toEqual([
      404,
      'no VirtualService or HTTPRoute for host "nobody.test" has a route for GET /x',
    ]);
  });

  test("503: a Service that does not exist, has no ready pod, or refuses", async () => {
    await backends.serve("asleep", undefined);
    await backends.serve("refusing", 1);
    const host = await routed("unavailable", [
      { match: [{ uri: { prefix: "/missing" } }], ...to("missing") },
      { match: [{ uri: { prefix: "/asleep" } }], ...to("asleep") },
      { match: [{ uri: { prefix: "/refusing" } }], ...to("refusing") },
    ]);
    expect(await sentence(host, "/missing")).toEqual([503, "the route leads to a Service that does not exist"]);
    // A Service that has just come is unknown for a moment more.
    await vi.waitFor(async () => expect((await sentence(host, "/asleep"))[1]).toContain("ready"), soon);
    expect(await sentence(host, "/asleep")).toEqual([
      503,
      `none of the pods of outbound|80||asleep.${space}.svc.cluster.local is ready`,
    ]);
    expect(await sentence(host, "/refusing")).toEqual([
      503,
      expect.stringContaining(`outbound|80||refusing.${space}.svc.cluster.local accepts no connections`),
    ]);
  });

  test("503 and 504: a server that closes the connection, or takes longer than the route allows", async () => {
    const model = { retries: { attempts: 0 }, ...to("model") };
    const host = await routed("failing", [{ match: [{ uri: { exact: "/hang" } }], timeout: "100ms", ...model }, model]);
    expect(await sentence(host, "/drop")).toEqual([
      503,
      `outbound|80||model.${space}.svc.cluster.local closed the connection before it answered`,
    ]);
    expect(await sentence(host, "/hang")).toEqual([
      504,
      `outbound|80||model.${space}.svc.cluster.local did not answer within the time that the route allows`,
    ]);
  });
});

describe("an object that Istio refuses, or that Envoy would", () => {
  const regex = (pattern: string): Rule => ({ match: [{ uri: { regex: pattern } }], ...to("model") });
  test.each([
    ["a lookahead", regex("/(?=a)b"), /invalid or unsupported Perl syntax/],
    ["a backreference", regex("/(a)\\1"), /invalid escape sequence/],
    ["an unbalanced bracket", regex("/[a"), /missing closing/],
    ["more repetitions than Envoy takes", regex("/(abcdefghijklmnop){900}"), /larger than Envoy takes/],
    [
      "an operator that Envoy does not know",
      { rewrite: { uri: "/" }, headers: { request: { set: { a: "%B%" } } }, ...to("model") },
      /operator/,
    ],
    ["weights of 0", { route: ["model", "other"].map((host) => ({ destination: { host }, weight: 0 })) }, /weight/],
  ])("with %s is not stored, and says why", async (_, rule, why) => {
    const refused = await routes.apply("refused", [rule]).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(KubernetesApiError);
    expect((refused as Error).message).toMatch(why);
  });

  test("holds nobody back", async () => {
    await routes.apply("refused", [regex("/[a")]).catch(() => {});
    const host = await routed("afterwards", [to("model")]);
    expect((await seenBy(host, "/")).server).toBe("model");
  });
});

test("a client of HTTP/1.0 is told to use another", async () => {
  const socket = connect(Number(new URL(gateway).port), new URL(gateway).hostname);
  socket.write("GET / HTTP/1.0\r\n\r\n");
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  expect(answer).toMatch(/^HTTP\/1\.[01] 426 Upgrade Required\r\n/);
});

describe("a mirrored route", () => {
  const path = "/serving/models/next/v1/models/model:predict";
  const [primary = "", a = "", b = ""] = shadowed;

  beforeAll(async () => {
    const route = mirroredRoute({
      name: "next",
      namespace: "models",
      model: "next",
      kind: "shadow",
      managedBy: "stack",
      gateway: { name: "istio-system/menagerie", hosts: ["*"] },
      primary: { service: "next-primary", mode: "Standard" },
      shadows: ["next-a", "next-b"],
      paths: ["/generate", "/api/"],
      percent: 100,
    });
    // As it is rendered, but for the namespace of its Services.
    const text = JSON.stringify(virtualServiceManifest(route).spec.http).replaceAll(".models.svc.", `.${space}.svc.`);
    await routed("mirrored", JSON.parse(text) as Rule[]);
  });

  test("is answered by the primary, and every shadow gets a copy under the same request id", async () => {
    const { server, headers, url } = await seenBy("mirrored.test", path, { body: "{}" });
    expect({ server, url }).toEqual({ server: primary, url: "/v1/models/model:predict" });
    for (const shadow of [a, b]) {
      const [copy] = await vi.waitUntil(() => ((taken) => taken.length > 0 && taken)(backends.taken(shadow)), soon);
      expect(copy).toMatchObject({ url, body: "{}", headers: { "x-request-id": headers["x-request-id"] } });
    }
  });

  test("is not answered by a shadow while the primary is down; a shadow that is down costs no request anything", async () => {
    const ports = { [primary]: await portOf(primary), [a]: await portOf(a) };
    await backends.serve(primary, undefined);
    await vi.waitFor(async () => expect((await ask("mirrored.test", path, { body: "{}" })).status).toBe(503), soon);
    await backends.serve(primary, ports[primary]);
    await backends.serve(a, undefined);
    await vi.waitFor(async () => expect((await ask("mirrored.test", path, { body: "{}" })).status).toBe(200), soon);
    const answers = await Promise.all(Array.from({ length: 20 }, () => seenBy("mirrored.test", path, { body: "{}" })));
    await backends.serve(a, ports[a]);
    expect(answers.map(({ server }) => server)).toEqual(answers.map(() => primary));
    const idOf = ({ headers }: Pick<SeenRequest, "headers">) => headers["x-request-id"];
    const asked = new Set(answers.map(idOf));
    // Of these requests: copies of the ones before may still come.
    const copied = () => backends.seen.filter((seen) => seen.server === b && asked.has(idOf(seen)));
    await vi.waitFor(() => expect(copied()).toHaveLength(asked.size), soon);
    expect(asked.size).toBe(20);
  });

  test.each(["/v1/chat/completions", "/v2/models/m/infer", "/openai/v1/completions", "/generate", "/api/a%2Fb?x=1"])(
    "leads to %s of the models",
    async (inner) => {
      const { server, url } = await seenBy("mirrored.test", `/serving/models/next${inner}`, { body: "{}" });
      expect({ server, url }).toEqual({ server: primary, url: inner });
    },
  );

  test("takes a WebSocket to the primary; what shadows get of it is the handshake, and ends with it", async () => {
    // Of this path: copies of earlier requests may still come.
    const inner = "/v1/websocket";
    const methodsOf = (name: string) =>
      backends.seen
        .filter(({ server, url }) => server === name && url === inner)
        .map(({ method }) => method)
        .join(" ");
    const { hostname, port } = new URL(gateway);
    const client = connect(Number(port), hostname);
    client.write(
      "GET /serving/models/next/v1/websocket HTTP/1.1\r\nhost: mirrored.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
    );
    let seen = "";
    for await (const chunk of client) {
      seen += chunk;
      if (seen.endsWith("|")) client.write("hello");
      else if (seen.endsWith("hello")) client.end();
    }
    expect(seen).toMatch(/^HTTP\/1.1 101 [\s\S]*\r\n\r\n\/v1\/websocket\|hello$/);
    await vi.waitFor(() => {
      const opened = shadowed.map((each) => [each, methodsOf(each)] as const).filter(([, methods]) => methods !== "");
      for (const [, methods] of opened) expect(methods).toBe("UPGRADE CLOSE");
      expect(opened.map(([server]) => server)).toContain(primary);
    }, soon);
  });

  test("leads to nothing else, in no spelling", async () => {
    backends.taken(primary);
    for (const closed of [
      ...["/control/patch", "/%63ontrol/patch", "/Control/patch", "/v1/../control/patch", "/v2/%2e%2e/control/patch"],
      ...["/generate/../control/patch", "/api/../control/patch", "/openai/v1/../../control", "//control/patch"],
      ...["/metrics", "/Metrics", "/v1/../metrics", "/", "", "/generate/x", "/generate/", "/GENERATE", "/v3/x"],
    ]) {
      const { status } = await ask("mirrored.test", `/serving/models/next${closed}`, { body: "{}" });
      expect([closed, status]).toEqual([closed, 404]);
    }
    expect(backends.taken(primary)).toEqual([]);
  });
});

describe("an HTTPRoute", () => {
  test("is served by the same Envoy: rewritten, copied in two, and refused for what it may not reach", async () => {
    const [primary = "", ...shadows] = shadowed;
    const route = mirroredRoute({
      name: "attached",
      namespace: space,
      model: "attached",
      kind: "shadow",
      managedBy: "stack",
      gateway: { api: "gateway-api", name: "istio-system/menagerie", hosts: ["attached.test"] },
      primary: { service: "next-primary", mode: "Standard" },
      shadows: ["next-a", "next-b"],
      percent: 100,
    });
    await applyManifest(cluster, httpRouteManifest(route));
    const path = `/serving/${space}/attached/v1/models/model:predict`;
    await vi.waitFor(async () => expect((await ask("attached.test", path, { body: "{}" })).status).toBe(200), soon);
    for (const each of shadowed) backends.taken(each);
    const { server, url, headers } = await seenBy("attached.test", path, { body: "{}" });
    expect({ server, url }).toEqual({ server: primary, url: "/v1/models/model:predict" });
    for (const shadow of shadows) {
      // Copies of the requests that waited for the route may still come.
      const isCopy = (seen: SeenRequest) => seen.headers["x-request-id"] === headers["x-request-id"];
      const copies = await vi.waitUntil(
        () => ((own) => own.length > 0 && own)(backends.taken(shadow).filter(isCopy)),
        soon,
      );
      expect(copies).toMatchObject([{ url }]);
    }
    expect(await sentence("attached.test", "/other")).toEqual([
      404,
      'no VirtualService or HTTPRoute for host "attached.test" has a route for GET /other',
    ]);
  });
});

async function portOf(name: string): Promise<number> {
  const slices = `/apis/discovery.k8s.io/v1/namespaces/${space}/endpointslices`;
  const { ports } = await requestJson<{ ports: { port: number }[] }>(cluster, "GET", `${slices}/${name}`);
  return ports[0]?.port ?? 0;
}
