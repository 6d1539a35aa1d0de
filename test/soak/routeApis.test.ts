import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { request as apiRequest, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { versionHeader } from "../../src/domain/serving/activator.ts";
import { httpRouteManifest, referenceGrantManifest, referencesOf } from "../../src/domain/serving/httpRoute.ts";
import { type Backend, type Destination, isWhole, type Route, type RouteApi } from "../../src/domain/serving/route.ts";
import { virtualServiceManifest } from "../../src/domain/serving/virtualService.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { askEnvoy } from "../../src/local/mesh/envoyAdmin.ts";
import { Backends, type SeenRequest } from "../local/support/backends.ts";
import { applyManifest, type Manifest, namespace, pathOf } from "../local/support/manifests.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { everyRoute } from "../unit/domain/serving/routes.ts";

/**
 * Istio's control plane as the judge of both renderers: the same route as a VirtualService and as an HTTPRoute, side by side at one Envoy,
 * each for a host of its own. What Envoy is told is compared, and what clients and both backends see of the same requests; both also with
 * what is written here. Then a whole stack moves from one API to the other and back under requests.
 */

const apis = ["istio", "gateway-api"] as const satisfies readonly RouteApi[];
/** Namespaces of the routes and Services, by those that a stack has. */
const spaces: Readonly<Record<string, string>> = {
  models: "judged-models",
  menagerie: "judged-services",
  "istio-system": "judged-knative",
};
const services: Readonly<Record<string, readonly string[]>> = {
  models: [
    "iris-v1-predictor",
    "iris-v2-predictor",
    "painter-predictor",
    "next-primary-transformer",
    "next-a-transformer",
    "next-b-transformer",
    "grpc-model",
  ],
  menagerie: ["api", "dozer-v2-activator", "iris-v2-activator", "next-primary-activator", "next-b-activator"],
  "istio-system": ["knative-local-gateway"],
};
const gateway = { name: "istio-system/menagerie", hosts: ["*"], checksKeys: true };
const routes = Object.entries(everyRoute(gateway));
/** What no stack declares, and users add beside it. */
const callsRoute: Route = {
  name: "calls",
  namespace: "models",
  labels: {},
  gateway,
  rules: [
    {
      name: "calls",
      paths: ["/inference.GRPCInferenceService/"],
      destinations: [{ service: "grpc-model", namespace: "models", port: 80 }],
    },
  ],
};

let shared: SharedEnvironment;
let cluster: KubeConfig;
let address: URL;
const backends: Backends[] = [];

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  await shared.up();
  cluster = shared.kubeConfig();
  address = new URL((await shared.json<{ gateway: string }>("status", "--json")).gateway);
  for (const [of, names] of Object.entries(services)) {
    const space = spaces[of] ?? "";
    await applyManifest(cluster, namespace(space));
    backends.push(await Backends.start(shared.home, { cluster, namespace: space, names }));
  }
});

afterAll(async () => {
  for (const each of backends) await each.stop();
  if (cluster) {
    for (const space of Object.values(spaces))
      await apiRequest(cluster, "DELETE", await pathOf(cluster, namespace(space)));
  }
  await shared?.close();
});

/** The same route to the Services of this test. */
function judged(route: Route, api: RouteApi, host: string): Route {
  const here = <Each extends Backend>(backend: Each): Each => ({
    ...backend,
    namespace: spaces[backend.namespace] ?? "",
  });
  return {
    ...route,
    name: host.replaceAll(".", "-"),
    namespace: spaces[route.namespace] ?? "",
    gateway: { ...route.gateway, api, hosts: [host] },
    rules: route.rules.map((rule) => ({
      ...rule,
      destinations: rule.destinations.map(here),
      ...(rule.mirrors ? { mirrors: rule.mirrors.map(here) } : {}),
    })),
  };
}

/** Declares a route under a host of its own, and waits until Envoy has it. */
async function declare(route: Route, api: RouteApi, host: string): Promise<void> {
  const own = judged(route, api, host);
  if (api === "istio") await applyManifest(cluster, virtualServiceManifest(own));
  else {
    for (const each of referencesOf(own)) await applyManifest(cluster, referenceGrantManifest(each, own.namespace));
    await applyManifest(cluster, httpRouteManifest(own));
  }
  await vi.waitFor(async () => expect(await told(host)).not.toEqual([]), { timeout: 20_000, interval: 50 });
}

interface Fraction {
  readonly numerator?: number;
  readonly denominator?: "HUNDRED" | "TEN_THOUSAND" | "MILLION";
}

interface EnvoyRoute {
  readonly match: { readonly prefix?: string; readonly path_separated_prefix?: string; readonly path?: string };
  readonly route: Readonly<Record<string, unknown>> & {
    readonly prefix_rewrite?: string;
    readonly regex_rewrite?: { readonly substitution: string };
    readonly request_mirror_policies?: readonly { readonly runtime_fraction?: { readonly default_value: Fraction } }[];
  };
  readonly request_headers_to_remove?: readonly string[];
}

/** What Envoy was told of a kind of resource. */
async function dumped(resource: string): Promise<unknown> {
  const admin = environmentLayout("local", shared.home.path).socketOf("gateway-admin");
  return JSON.parse((await askEnvoy(admin, `/config_dump?resource=${resource}`)).body);
}

/** Envoy's own routes for a host. */
async function told(host: string): Promise<EnvoyRoute[]> {
  const dump = (await dumped("dynamic_route_configs")) as {
    configs?: { route_config: { virtual_hosts?: { domains: string[]; routes: EnvoyRoute[] }[] } }[];
  };
  const hosts = (dump.configs ?? []).flatMap(({ route_config: { virtual_hosts = [] } }) => virtual_hosts);
  return hosts.filter(({ domains }) => domains.includes(host)).flatMap(({ routes: own }) => own);
}

/**
 * What of Envoy's routes has to be the same: not how a prefix ends, nor the status for a Service that is not there, which have cases of their
 * own; a share of copies as a number; a whole path that is replaced, by whichever of two ways.
 */
async function compared(host: string) {
  const own = await told(host);
  return own
    .map(({ match, route: { cluster_not_found_response_code: _, regex_rewrite: whole, ...action }, ...rest }) => ({
      prefix: (match.path ?? match.prefix ?? match.path_separated_prefix ?? "").replace(/\/$/, ""),
      isWhole: match.path !== undefined,
      action: {
        ...action,
        prefix_rewrite: (action.prefix_rewrite ?? whole?.substitution)?.replace(/\/$/, ""),
        request_mirror_policies: action.request_mirror_policies?.map(({ runtime_fraction, ...policy }) => ({
          ...policy,
          share: runtime_fraction && shareOf(runtime_fraction.default_value),
        })),
      },
      removed: rest.request_headers_to_remove,
    }))
    .sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
}

function shareOf({ numerator = 0, denominator = "HUNDRED" }: Fraction): number {
  return numerator / { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 }[denominator];
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

let counter = 0;

/** Sends a request as it is written (no part of the path is normalized), and waits for so many copies of it. */
async function send(host: string, path: string, sent: Sent = {}, copies = 0) {
  const id = `judged-${++counter}`;
  const outgoing = request({
    hostname: address.hostname,
    port: address.port,
    path,
    method: sent.method ?? "POST",
    headers: { host, "x-request-id": id, ...sent.headers },
  });
  outgoing.end(sent.body ?? "{}");
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const body = await text(answer);
  const seen = () => backends.flatMap((each) => each.seen.filter(({ headers }) => headers["x-request-id"] === id));
  const expected = answer.statusCode === 200 ? 1 + copies : 0;
  await vi.waitUntil(() => seen().length >= expected, { timeout: 5_000, interval: 5 });
  return {
    status: answer.statusCode ?? 0,
    from: answer.headers["x-from"],
    body,
    seen: seen().map((each) => shown(each, host)),
  };
}

/** Asks for a WebSocket and sends `hello` on it: the status and what came, which a backend begins with the path that it saw. */
async function upgraded(host: string, path: string): Promise<string> {
  const headers = {
    host,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const outgoing = request({ hostname: address.hostname, port: address.port, path, headers });
  outgoing.end();
  const [answer, socket, head] = (await Promise.race([once(outgoing, "upgrade"), once(outgoing, "response")])) as [
    IncomingMessage,
    Socket?,
    Buffer?,
  ];
  let seen = String(head ?? "");
  if (socket) {
    socket.write("hello");
    for await (const chunk of socket) {
      seen += chunk;
      if (seen.endsWith("hello")) break;
    }
  }
  return `${answer.statusCode} ${seen}`;
}

/** A request as a backend saw it, without what is another in each: its id, and the name that Istio gives the route for traces. */
function shown({ server, method, url, headers, body }: SeenRequest, host: string) {
  const { "x-request-id": _, "x-envoy-decorator-operation": _name, host: given, ...others } = headers;
  const hidden = (value: string) => (value === host ? "<client's>" : value);
  const kept = Object.fromEntries(Object.entries(others).map(([name, value]) => [name, hidden(value)]));
  return { server, method, url, body, host: hidden(given ?? ""), headers: kept };
}

type Answer = Awaited<ReturnType<typeof send>>;

/** For the comparison: in one order, and where it is drawn by lot who answers, without who did and what its requests alone are given. */
function sorted({ seen, from, ...answer }: Answer, destinations: readonly Destination[]) {
  const drawn = destinations.length > 1;
  const own = new Set(drawn ? destinations.flatMap(({ setHeaders = {} }) => Object.keys(setHeaders)) : []);
  const kept = (headers: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => !own.has(name)));
  return {
    ...answer,
    ...(drawn ? {} : { from }),
    body: answer.status === 200 ? "" : answer.body.replaceAll(/[a-z0-9-]+\.(istio|gateway-api)\.test/g, "<host>"),
    seen: seen
      .sort((a, b) => (a.server < b.server ? -1 : 1))
      .map(({ server, headers, ...each }) => ({ ...each, headers: kept(headers), server: drawn ? "" : server })),
  };
}

describe.each(routes.map(([name, route], index) => ({ name, route, index })))("$name", ({ route, index }) => {
  const hostOf = (api: RouteApi) => `${index}.${api}.test`;
  const [rule] = route.rules;
  if (!rule) throw new Error("a route has a rule");
  const { destinations, mirrors = [], removedHeaders = [] } = rule;
  /** Paths with the path that is seen in their place. */
  const taken = route.rules.flatMap(({ paths, rewrite }) =>
    paths.map((path) => ({ path, target: rewrite?.path ?? path, host: rewrite?.host ?? "<client's>" })),
  );
  const [prefixes, wholes] = [taken.filter(({ path }) => !isWhole(path)), taken.filter(({ path }) => isWhole(path))];
  const everyCopy = mirrors.length > 0 && mirrors.every(({ percent }) => percent === 100);
  /** The same request to both, which must be seen alike. */
  const both = async (path: string, sent?: Sent) => {
    const answers: Answer[] = [];
    for (const api of apis) answers.push(await send(hostOf(api), path, sent, everyCopy ? mirrors.length : 0));
    const [one, other] = answers.map((each) => sorted(each, destinations));
    for (const { seen, from } of destinations.length > 1 ? answers : []) {
      const { setHeaders = {} } = destinations.find(({ service }) => service === from) ?? {};
      for (const { headers } of seen.filter(({ server }) => server === from)) {
        expect(headers[versionHeader]).toBe(setHeaders[versionHeader]);
      }
    }
    if (everyCopy || mirrors.length === 0) expect(other).toEqual(one);
    else expect({ ...other, seen: [] }).toEqual({ ...one, seen: [] });
    return answers[0] as Answer;
  };

  beforeAll(async () => {
    for (const api of apis) await declare(route, api, hostOf(api));
  });

  test("Envoy is told the same of both", async () => {
    const [one, other] = await Promise.all(apis.map((api) => compared(hostOf(api))));
    expect(one).toHaveLength(taken.length);
    expect(other).toEqual(one);
    expect(JSON.stringify(one)).toContain(destinations[0]?.service);
  });

  test("a prediction reaches what it should, as it should, and its copies too", async () => {
    const headers = {
      authorization: "Bearer k",
      "x-api-key": "k",
      "x-tenant": "t",
      "content-type": "application/json",
    };
    for (const { path, target, host } of taken) {
      const rest = isWhole(path) ? "?x=1" : "models/model:predict?x=1";
      const answer = await both(path + rest, { headers, body: '{"a":1}' });
      expect(answer.status).toBe(200);
      expect(destinations.map(({ service }) => service)).toContain(answer.from);
      const own = answer.seen.find(({ server }) => server === answer.from);
      expect(own).toMatchObject({ url: target + rest, body: '{"a":1}', method: "POST", host });
      expect(own?.headers).toMatchObject({ "x-tenant": "t", "content-length": "7" });
      expect(["authorization", "x-api-key"].filter((header) => own?.headers[header] === undefined)).toEqual([
        ...removedHeaders,
      ]);
      if (!everyCopy) continue;
      const copies = answer.seen.filter(({ server }) => server !== answer.from);
      expect(copies.map(({ server }) => server).sort()).toEqual(mirrors.map(({ service }) => service).sort());
      for (const copy of copies) expect(copy).toMatchObject({ url: own?.url, body: own?.body, host: own?.host });
    }
  });

  test.each([
    ["a GET of the prefix alone", (at: string) => at, { method: "GET", body: "" }],
    ["an encoded slash", (at: string) => `${at}a%2Fb`, {}],
    ["an empty segment", (at: string) => `${at}/models`, {}],
    ["a body of 3 MB", (at: string) => `${at}models/model:predict`, { body: "y".repeat(3_000_000) }],
  ] as const)("%s is taken alike, and answered", async (_, pathOf, sent) => {
    for (const { path, target } of prefixes) {
      const answer = await both(pathOf(path), sent);
      expect(answer.status).toBe(200);
      for (const { url } of answer.seen) expect(url.startsWith(target)).toBe(true);
    }
  });

  test.each([
    ["a path that leads out", (at: string) => `${at}../control/patch`],
    ["one that does so in code", (at: string) => `${at}%2e%2e/control/patch`],
    ["a longer name", (at: string) => `${at.slice(0, -1)}x/models`],
    ["another case", (at: string) => at.toUpperCase()],
    ["a null byte in the prefix", (at: string) => `${at.slice(0, -1)}%00/models`],
  ])("%s reaches nothing", async (_, pathOf) => {
    for (const { path } of prefixes) {
      const answer = await both(pathOf(path));
      expect([400, 404]).toContain(answer.status);
      expect(answer.seen).toEqual([]);
    }
  });

  test.each(["/x", "/", "x", "%2Fx", "/../control/patch", ":x", "%00"])(
    "of a path that is taken alone, what has %s at its end reaches nothing",
    async (rest) => {
      for (const { path } of wholes) {
        const answer = await both(path + rest);
        expect([400, 404]).toContain(answer.status);
        expect(answer.seen).toEqual([]);
      }
    },
  );

  test("a prefix without its slash is the one path that only an HTTPRoute has", async () => {
    for (const { path, target } of prefixes) {
      const without = path.slice(0, -1);
      expect((await send(hostOf("istio"), without)).status).toBe(404);
      const answer = await send(hostOf("gateway-api"), without);
      expect(answer).toMatchObject({
        status: 200,
        seen: expect.arrayContaining([expect.objectContaining({ url: target.slice(0, -1) })]),
      });
    }
  });

  test("a WebSocket passes, both ways", async () => {
    const [{ path, target } = { path: "", target: "" }] = prefixes;
    for (const api of apis) {
      expect(await upgraded(hostOf(api), `${path}websocket?x=1`)).toBe(`101 ${target}websocket?x=1|hello`);
    }
  });

  test.each(["control/patch", "%63ontrol/patch", "metrics", "Metrics", "healthz", "", "v3/x", "openai/x"])(
    "%s of a model reaches nothing",
    async (closed) => {
      const [own] = /^\/serving\/[^/]+\/[^/]+\//.exec(taken[0]?.path ?? "") ?? [];
      if (own === undefined) return;
      const answer = await both(own + closed);
      expect([400, 404]).toContain(answer.status);
      expect(answer.seen).toEqual([]);
    },
  );
});

describe("shares of requests", () => {
  const hostOf = (name: string, api: RouteApi) => `${routes.findIndex(([each]) => each === name)}.${api}.test`;
  const many = async (host: string, path: string, count: number) => {
    for (const each of backends) each.seen.splice(0);
    const answers: Answer["from"][] = [];
    while (answers.length < count) {
      const batch = await Promise.all(Array.from({ length: 16 }, () => send(host, path)));
      answers.push(...batch.map(({ from }) => from));
    }
    return answers;
  };

  test.each(apis)("a tenth is a tenth: %s", async (api) => {
    const answers = await many(hostOf("weights", api), "/serving/models/iris/v1/x", 400);
    // 40 are expected; 5 standard deviations are 30.
    // The one with a tenth may sleep, and is asked by what wakes it.
    const tenth = answers.filter((server) => server === "iris-v2-activator").length;
    expect(tenth).toBeGreaterThan(10);
    expect(tenth).toBeLessThan(70);
  });

  test.each(apis)("half a percent is copied to each of two shadows: %s", async (api) => {
    const answers = await many(hostOf("several shadows of a share", api), "/serving/models/next/v1/x", 4_000);
    expect(new Set(answers)).toEqual(new Set(["next-primary-transformer"]));
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const shadow of ["next-a-transformer", "next-b-transformer"]) {
      const copies = backends.flatMap(({ seen }) => seen.filter(({ server }) => server === shadow)).length;
      // 20 are expected; 4 standard deviations are 18.
      expect(copies).toBeGreaterThan(2);
      expect(copies).toBeLessThan(38);
    }
  });
});

describe.each(apis)("gRPC by %s", (api) => {
  const host = `calls.${api}.test`;
  const method = "/inference.GRPCInferenceService/ModelStreamInfer";
  let session: ClientHttp2Session;

  beforeAll(async () => {
    await declare(callsRoute, api, host);
    session = connectHttp2(address);
  });
  afterAll(() => session?.close());

  const call = (): ClientHttp2Stream =>
    session.request({
      ":method": "POST",
      ":path": method,
      ":authority": host,
      "content-type": "application/grpc",
      te: "trailers",
    });
  const message = (body: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), Buffer.from(body)]);

  test("a unary call passes with its trailers", async () => {
    const stream = call();
    const trailers = once(stream, "trailers") as Promise<[Record<string, string>]>;
    stream.end(message("hello"));
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(message("hello"))).toBe(true);
    expect((await trailers)[0]).toMatchObject({ "grpc-status": "0" });
  });

  test("of a stream each message is answered before the next is sent", async () => {
    const stream = call();
    const trailers = once(stream, "trailers") as Promise<[Record<string, string>]>;
    const answers = stream[Symbol.asyncIterator]();
    for (const body of ["one", "two", "three", "four", "five"]) {
      stream.write(message(body));
      expect(message(body).equals((await answers.next()).value as Buffer)).toBe(true);
    }
    stream.end();
    expect((await answers.next()).done).toBe(true);
    expect((await trailers)[0]).toMatchObject({ "grpc-status": "0" });
  });

  test("a service of another name has no route, and is told so in gRPC's own way", async () => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      ":authority": host,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.end(message(""));
    const [headers] = (await once(stream, "response")) as [Record<string, string | number>];
    expect(headers).toMatchObject({ ":status": 200, "grpc-status": "12" });
  });
});

describe("what takes long", () => {
  const models = (api: RouteApi) => `long.${api}.test`;
  const calls = (api: RouteApi) => `long-calls.${api}.test`;

  beforeAll(async () => {
    for (const api of apis) {
      await declare(everyRoute(gateway).weights as Route, api, models(api));
      await declare(callsRoute, api, calls(api));
    }
  });

  test.each(apis)("has no time-out of Envoy's: %s", async (api) => {
    for (const { route } of [...(await told(models(api))), ...(await told(calls(api)))]) {
      expect(route).toMatchObject({ timeout: "0s", max_grpc_timeout: "0s" });
      expect(route).not.toHaveProperty("idle_timeout");
      expect(route).not.toHaveProperty("max_stream_duration");
    }
    const listeners = JSON.stringify(await dumped("dynamic_listeners"));
    expect(listeners).toContain('"stream_idle_timeout":"0s"');
    expect(listeners).not.toMatch(/"(request_timeout|max_stream_duration|max_connection_duration)"/);
    const clusters = JSON.stringify(await dumped("dynamic_active_clusters"));
    expect(clusters).toContain(`grpc-model.${spaces.models}.svc.cluster.local`);
    expect(clusters).not.toMatch(/"(max_stream_duration|max_connection_duration)"/);
  });

  /** A call whose second message comes after so many seconds. */
  async function silentCall(host: string, seconds: number): Promise<unknown> {
    const session = connectHttp2(address);
    const stream = session.request({
      ":method": "POST",
      ":path": "/inference.GRPCInferenceService/ModelStreamInfer",
      ":authority": host,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const trailers = once(stream, "trailers") as Promise<[Record<string, string>]>;
    const answers = stream[Symbol.asyncIterator]();
    const [first, last] = ["a", "b"].map((body) => Buffer.from([0, 0, 0, 0, 1, body.charCodeAt(0)]));
    stream.write(first);
    expect((await answers.next()).value).toEqual(first);
    await delay(seconds * 1_000);
    stream.end(last);
    expect((await answers.next()).value).toEqual(last);
    expect((await answers.next()).done).toBe(true);
    session.close();
    return (await trailers)[0];
  }

  test("is waited for: an answer of a minute, one that comes after a minute, and a call that is silent for a minute", async () => {
    const path = "/serving/models/iris/v1/x";
    const both = apis.map(async (api) => {
      const [streamed, late, status] = await Promise.all([
        send(models(api), path, { headers: { "x-do": "stream=65" } }),
        send(models(api), path, { headers: { "x-do": "delay=65000" } }),
        silentCall(calls(api), 65),
      ]);
      expect(streamed.status).toBe(200);
      expect(streamed.body.trim().split("\n")).toHaveLength(65);
      expect(late.status).toBe(200);
      expect(status).toMatchObject({ "grpc-status": "0" });
    });
    await Promise.all(both);
  });
});

describe("the judge", () => {
  const weights = everyRoute(gateway).weights as Route;
  const shadows = everyRoute(gateway)["several shadows of a share"] as Route;
  const changed = (route: Route, change: (rule: Route["rules"][number]) => Partial<Route["rules"][number]>): Route => ({
    ...route,
    rules: route.rules.map((rule) => ({ ...rule, ...change(rule) })),
  });

  test.each<[string, Route, Route]>([
    [
      "a weight",
      weights,
      changed(weights, ({ destinations }) => ({ destinations: destinations.map((each) => ({ ...each, weight: 50 })) })),
    ],
    ["a destination", weights, changed(weights, ({ destinations: [one] }) => ({ destinations: one ? [one] : [] }))],
    [
      "a share of copies",
      shadows,
      changed(shadows, ({ mirrors = [] }) => ({ mirrors: mirrors.map((each) => ({ ...each, percent: 1 })) })),
    ],
    ["a shadow", shadows, changed(shadows, ({ mirrors = [] }) => ({ mirrors: mirrors.slice(1) }))],
    ["a header", shadows, changed(shadows, () => ({ removedHeaders: ["authorization"] }))],
    ["a path", shadows, changed(shadows, () => ({ rewrite: { path: "/v2/" } }))],
    ["a host", shadows, changed(shadows, () => ({ rewrite: { path: "/v1/", host: "other.test" } }))],
  ])("sees a planted mistake in %s", async (what, route, wrong) => {
    const slug = what.replaceAll(/[^a-z]/g, "");
    await declare(route, "istio", `${slug}.istio.test`);
    await declare(wrong, "gateway-api", `${slug}.gateway-api.test`);
    expect(await compared(`${slug}.gateway-api.test`)).not.toEqual(await compared(`${slug}.istio.test`));
  });

  test("knows where the APIs differ by their own rules: a Service that is not there is a 503 of the one and a 500 of the other", async () => {
    const lost = changed(weights, () => ({ destinations: [{ service: "nobody", namespace: "models", port: 80 }] }));
    const statuses: number[] = [];
    for (const api of apis) {
      await declare(lost, api, `lost.${api}.test`);
      statuses.push((await send(`lost.${api}.test`, "/serving/models/iris/v1/x")).status);
    }
    expect(statuses).toEqual([503, 500]);
  });

  test("a Service of another namespace answers only with its grant", async () => {
    const activated = everyRoute(gateway)["a development version"] as Route;
    const host = "granted.gateway-api.test";
    const own = judged(activated, "gateway-api", host);
    const [reference] = referencesOf(own);
    if (!reference) throw new Error("the route leads to another namespace");
    const grant = referenceGrantManifest(reference, own.namespace);
    await declare(activated, "gateway-api", host);
    const path = "/serving/models/greeter/v1/x";
    expect((await send(host, path)).status).toBe(200);
    await apiRequest(cluster, "DELETE", await pathOf(cluster, grant as Manifest));
    await vi.waitFor(async () => expect((await send(host, path)).status).toBe(500), { timeout: 10_000 });
    await applyManifest(cluster, grant);
    await vi.waitFor(async () => expect((await send(host, path)).status).toBe(200), { timeout: 10_000 });
  });
});

describe("a stack that moves from one API to the other", () => {
  const kinds = {
    VirtualService: "/apis/networking.istio.io/v1/virtualservices",
    HTTPRoute: "/apis/gateway.networking.k8s.io/v1/httproutes",
  };
  const namesOf = async (kind: keyof typeof kinds) => {
    const { items } = await requestJson<{ items: { metadata: { name: string; namespace: string } }[] }>(
      cluster,
      "GET",
      kinds[kind],
    );
    return items
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
      .filter((name) => !name.startsWith("judged-"))
      .sort();
  };
  const models = {
    "/serving/models/iris/v1/models/model:predict": '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}',
    "/serving/models/multiplier/v1/models/model:predict": '{"values": ["3.3"]}',
    "/serving/models/greeter/v1/models/model:predict": '{"names": ["Ada"]}',
  };
  const ask = async (path: string, body: string) => {
    const outgoing = request({
      hostname: address.hostname,
      port: address.port,
      path,
      method: "POST",
      headers: { "content-type": "application/json" },
    });
    outgoing.end(body);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, body: await text(answer) };
  };
  /** Predictions one after the other until it is told to stop; answers those that failed, of how many. */
  const under = async (work: () => Promise<unknown>) => {
    const failed: string[] = [];
    let sent = 0;
    const ended = new AbortController();
    const clients = Object.entries(models).map(async ([path, body]) => {
      while (!ended.signal.aborted) {
        sent += 1;
        const { status, body: answer } = await ask(path, body).catch((error: unknown) => ({
          status: 0,
          body: String(error),
        }));
        if (status !== 200) failed.push(`${path}: ${status} ${answer.slice(0, 200)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    try {
      await work();
    } finally {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      ended.abort();
      await Promise.all(clients);
    }
    return { failed, sent };
  };
  const all = ["menagerie/api", "models/greeter", "models/iris", "models/multiplier", "models/speaker"];
  let committed: string;

  afterAll(async () => {
    if (committed === undefined) return;
    await writeFile(shared.stackFile, committed);
    await shared.up();
  });

  test("answers every request on the way there, and is then made of HTTPRoutes", async () => {
    committed = await shared.editStack((stack) => `${stack.trimEnd()}\n  menagerie:gateway: { api: gateway-api }\n`);
    const preview = await shared.preview();
    expect(preview).toContain(
      "routes are HTTPRoutes of Gateway istio-system/menagerie (class istio, Gateway API 1.6.0)",
    );
    const up = await under(async () => {
      const { stdout, stderr } = await shared.succeed("up");
      expect(stdout + stderr).toContain("delete VirtualService iris: its HTTPRoute is served first");
    });
    expect(up.sent).toBeGreaterThan(100);
    expect(up.failed).toEqual([]);
    expect(await namesOf("HTTPRoute")).toEqual(all);
    expect(await namesOf("VirtualService")).toEqual([]);
    const again = await shared.succeed("up");
    expect(again.stdout).toMatch(/Resources:\n\s+\d+ unchanged\n/);
    expect((await shared.succeed("drift")).code).toBe(0);
    const { models: shown } = await shared.json<{ models: { name: string; ready: boolean }[] }>("status", "--json");
    expect(shown.map(({ name, ready }) => `${name} ${ready}`).sort()).toEqual([
      "greeter true",
      "iris true",
      "multiplier true",
      "speaker true",
    ]);
  });

  test("asks for keys by the Gateway's name", async () => {
    const without = await shared.editStack(
      (stack) =>
        `${stack.replace("requireApiKey: false", "requireApiKey: true").trimEnd()}\n  menagerie:mesh: { keyCheck: {} }\n`,
    );
    await shared.up();
    const [[path, body] = ["", ""]] = Object.entries(models);
    await vi.waitFor(async () => expect((await ask(path, body)).status).toBe(401), { timeout: 10_000 });
    await writeFile(shared.stackFile, without);
    await shared.up();
    await vi.waitFor(async () => expect((await ask(path, body)).status).toBe(200), { timeout: 10_000 });
  });

  test("answers every request on the way back", async () => {
    await writeFile(shared.stackFile, committed);
    const up = await under(() => shared.up());
    expect(up.failed).toEqual([]);
    expect(await namesOf("VirtualService")).toEqual(all);
    expect(await namesOf("HTTPRoute")).toEqual([]);
    const grants = await requestJson<{ items: unknown[] }>(
      cluster,
      "GET",
      "/apis/gateway.networking.k8s.io/v1beta1/namespaces/menagerie/referencegrants",
    );
    expect(grants.items).toEqual([]);
  });
});
