import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type CopyLimits, copyBuffersManifest, copyRulesManifests } from "../../../src/domain/serving/copyLimits.ts";
import type { SeenRequest } from "../../local/support/backends.ts";
import { applyManifest } from "../../local/support/manifests.ts";
import { type Asked, mirror, type Routes, type Rule, to } from "../../local/support/routes.ts";
import { OwnGateway } from "../../support/gateway/ownGateway.ts";

/**
 * What users put into VirtualServices and send through them, by what Istio's and Envoy's pages say of it. Each expectation that is a default
 * of theirs names its page.
 */

const space = "users-of-the-gateway";
let own: OwnGateway;
let routes: Routes;

beforeAll(async () => {
  own = await OwnGateway.open(space, ["model", "other", "shadow", "second", "limited-transformer", "grpc-model"]);
  routes = own.routes;
});

afterAll(() => own?.close());

const ask = (host: string, path: string, asked?: Asked) => routes.ask(host, path, asked);
const seen = (id: string): readonly SeenRequest[] =>
  own.backends.seen.filter(({ headers }) => headers["x-request-id"] === id);
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** What a server saw of a request, once it has. */
function taken(server: string, id: string): Promise<SeenRequest> {
  return vi.waitUntil(() => seen(id).find((request) => request.server === server), { timeout: 10_000 });
}

describe("a mirrored request", () => {
  let host: string;
  beforeAll(async () => {
    host = await routes.routed("mirrored", [{ ...to("model"), mirrors: [mirror("shadow", 100)] }]);
  });

  test.each([0, 1_000, 65_536, 1_048_576, 1_200_000, 3_000_000, 20_000_000])(
    "of %d bytes reaches both sides whole",
    async (bytes) => {
      const body = Buffer.alloc(bytes, "abcdefg");
      const id = randomUUID();
      const { status } = await ask(host, "/x", { body, method: "POST", headers: { "x-request-id": id } });
      expect(status).toBe(200);
      for (const server of ["model", "shadow"]) {
        expect(await taken(server, id)).toMatchObject({ bytes, sha256: sha256(body) });
      }
    },
  );

  test("keeps its Host, and is told from the original by two headers alone", async () => {
    const id = randomUUID();
    await ask(host, "/x", { headers: { "x-request-id": id } });
    const [original, copy] = [await taken("model", id), await taken("shadow", id)];
    expect(copy.headers.host).toBe(host);
    const names = (request: SeenRequest) => Object.keys(request.headers).sort();
    expect(names(copy).filter((name) => !names(original).includes(name))).toEqual([
      "x-envoy-internal",
      "x-forwarded-for",
    ]);
  });

  test.each(["hang", "drop", "status=500", "break", "delay=3000"])(
    "costs its client nothing where the shadow does: %s",
    async (deed) => {
      const startedAt = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => ask(host, "/x", { headers: { "x-do": `${deed}@shadow` } })),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    },
  );

  /** Sends so many bytes with a copy that the shadow does not read; answers whether the original is answered in time. */
  async function sentPast(shadow: string, to: string, bytes: number, withinMs: number): Promise<string> {
    const client = connect(Number(routes.url.port), routes.url.hostname);
    client.on("error", () => {});
    const head = `POST /x HTTP/1.1\r\nhost: ${to}\r\nx-do: hang@${shadow}\r\ncontent-length: ${bytes}\r\n\r\n`;
    client.write(Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, "abcdefg")]));
    const first = await Promise.race([once(client, "data").then(() => "answered"), delay(withinMs, "waits")]);
    client.destroy();
    return first;
  }

  test("of 20 MB waits for a shadow that reads none of it: Envoy passes a body on at the pace of the slower", async () => {
    expect(await sentPast("shadow", host, 20_000_000, 8_000)).toBe("waits");
  });

  test("has limits where the program declares it: one of 8 MB waits for nothing, one of 20 MB for some seconds", async () => {
    const limits: CopyLimits = {
      name: "limited",
      namespace: space,
      model: "limited",
      kind: "shadow",
      managedBy: "stack",
      gateway: { name: "istio-system/menagerie", hosts: ["*"] },
      shadows: ["limited"],
    };
    await applyManifest(own.cluster, copyBuffersManifest(limits));
    for (const rule of copyRulesManifests(limits)) await applyManifest(own.cluster, rule);
    const shadow = "limited-transformer";
    const limited = await routes.routed("limited", [{ ...to("model"), mirrors: [mirror(shadow, 100)] }]);
    // The filter may come after the route.
    await delay(2_000);
    expect(await sentPast(shadow, limited, 8_000_000, 4_000)).toBe("answered");
    expect(await sentPast(shadow, limited, 20_000_000, 30_000)).toBe("answered");
    const id = randomUUID();
    expect((await ask(limited, "/x", { headers: { "x-request-id": id } })).status).toBe(200);
    await taken(shadow, id);
  });

  test("is answered where the shadow's Service is not there, or has no pods", async () => {
    await own.backends.serve("asleep", undefined);
    const rule = { ...to("model"), mirrors: [mirror("asleep", 100), mirror("nowhere", 100), mirror("shadow", 100)] };
    const dead = await routes.routed("dead-shadow", [rule]);
    const id = randomUUID();
    expect((await ask(dead, "/x", { headers: { "x-request-id": id } })).status).toBe(200);
    await taken("shadow", id);
  });

  test("goes to several shadows, to each by its share", async () => {
    const shares = await routes.routed("shares", [
      { ...to("model"), mirrors: [mirror("shadow", 10), mirror("second", 50), mirror("other", 0.5)] },
    ]);
    own.backends.seen.length = 0;
    await Promise.all(Array.from({ length: 1_000 }, () => ask(shares, "/counted")));
    await delay(1_000);
    const count = (server: string) => own.backends.seen.filter((request) => request.server === server).length;
    expect(count("model")).toBe(1_000);
    // Five standard deviations of a binomial distribution.
    expect(Math.abs(count("shadow") - 100)).toBeLessThan(48);
    expect(Math.abs(count("second") - 500)).toBeLessThan(80);
    expect(count("other")).toBeLessThan(18);
  });
});

describe("x-request-id", () => {
  let host: string;
  beforeAll(async () => {
    host = await routes.routed("ids", [{ ...to("model"), mirrors: [mirror("shadow", 100)] }]);
  });

  test("is made where a request has none, the same for both sides", async () => {
    own.backends.seen.length = 0;
    const { headers } = await routes.seenBy(host, "/made");
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    await taken("shadow", headers["x-request-id"] ?? "");
  });

  test("that is sent twice reaches both sides alike", async () => {
    own.backends.seen.length = 0;
    await ask(host, "/twice", { headers: { "x-request-id": ["one", "two"] } });
    const ids = await vi.waitUntil(
      () => {
        const requests = own.backends.seen.filter(({ url }) => url === "/twice");
        return requests.length === 2 && requests.map(({ headers }) => headers["x-request-id"]);
      },
      { timeout: 20_000 },
    );
    expect(ids).toEqual(["one,two", "one,two"]);
  });

  test("that is a UUID is never changed, though Envoy marks those of requests that it traces", async () => {
    const ids = Array.from({ length: 1_000 }, () => randomUUID());
    const got = await Promise.all(
      ids.map(
        async (id) => (await routes.seenBy(host, "/", { headers: { "x-request-id": id } })).headers["x-request-id"],
      ),
    );
    expect(got).toEqual(ids);
  });

  test("that is empty is kept from nobody", async () => {
    const { headers } = await routes.seenBy(host, "/empty", { headers: { "x-request-id": "" } });
    expect(headers["x-request-id"]).toBeDefined();
  });
});

describe("a path", () => {
  let host: string;
  beforeAll(async () => {
    host = await routes.routed("paths", [
      { match: [{ uri: { prefix: "/serving/a/v1/" } }], rewrite: { uri: "/v1/" }, ...to("model") },
    ]);
  });

  /** Istio's default is BASE: dot segments and backslashes are resolved, escaped slashes kept, slashes not merged (https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ProxyPathNormalization-NormalizationType). */
  test.each([
    ["/serving/a/v1/x%2Fy", 200, "/v1/x%2Fy"],
    ["/serving/a/v1/x%5Cy", 200, "/v1/x%5Cy"],
    ["/serving/a/v1/x//y", 200, "/v1/x//y"],
    ["/serving/a/v1/x/../y", 200, "/v1/y"],
    ["/serving/a/v1/x/%2e%2e/y", 200, "/v1/y"],
    ["/serving/a/v1/x/./y", 200, "/v1/x/y"],
    ["/serving/a/v1/x\\y", 200, "/v1/x/y"],
    ["/serving/a/v1/%7Ex%41", 200, "/v1/~xA"],
    ["/serving/a/v1/x?y=/../%00", 200, "/v1/x?y=/../%00"],
    ["/serving/a/v1/", 200, "/v1/"],
    ["/serving/a/v1/../control/patch", 404, undefined],
    ["/serving/a/v1/..%2Fcontrol/patch", 200, "/v1/..%2Fcontrol/patch"],
    ["/serving/a/v1", 404, undefined],
    ["//serving/a/v1/x", 404, undefined],
    ["/serving//a/v1/x", 404, undefined],
    ["/SERVING/a/v1/x", 404, undefined],
    ["/serving%2Fa/v1/x", 404, undefined],
    ["/serving/a/v1/x%00y", 400, undefined],
    ["/serving/a/v1/x%zz", 200, "/v1/x%zz"],
  ])("%s is answered with %d", async (path, status, url) => {
    const answer = await ask(host, path);
    expect(answer.status, answer.text).toBe(status);
    if (url !== undefined) expect((JSON.parse(answer.text) as { url: string }).url).toBe(url);
  });
});

/** Speaks HTTP/1.1 itself; answers all that comes until the connection ends, or `until` has come. */
async function spoken(lines: readonly string[], until?: RegExp): Promise<string> {
  const client = connect(Number(routes.url.port), routes.url.hostname);
  client.write(lines.join("\r\n"));
  let all = "";
  for await (const chunk of client) {
    all += chunk;
    if (until?.test(all)) break;
  }
  client.destroy();
  return all;
}

describe("HTTP", () => {
  let host: string;
  beforeAll(async () => {
    host = await routes.routed("http", [to("model")]);
  });

  test("Expect: 100-continue is answered once, before the body is sent", async () => {
    const client = connect(Number(routes.url.port), routes.url.hostname);
    const id = randomUUID();
    client.write(
      `POST /x HTTP/1.1\r\nhost: ${host}\r\nx-request-id: ${id}\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n`,
    );
    const [first] = (await once(client, "data")) as [Buffer];
    expect(String(first)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    client.write("body");
    expect(await text(client)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(await taken("model", id)).toMatchObject({ bytes: 4 });
  });

  /** Envoy's `enable_trailers` is off (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto). */
  test("trailers of HTTP/1.1 are dropped, and the bodies before them are whole", async () => {
    const id = randomUUID();
    const answer = await spoken([
      ...["POST /x HTTP/1.1", `host: ${host}`, `x-request-id: ${id}`, "x-do: trailers", "te: trailers"],
      ...[
        "trailer: x-sum",
        "transfer-encoding: chunked",
        "connection: close",
        "",
        "4",
        "body",
        "0",
        "x-sum: 4",
        "",
        "",
      ],
    ]);
    expect(answer).toMatch(/\r\n4\r\nbody\r\n0\r\n\r\n$/);
    expect(await taken("model", id)).toMatchObject({ bytes: 4, trailers: {} });
  });

  test("an answer that comes for a minute comes piece by piece", async () => {
    const startedAt = performance.now();
    const times: number[] = [];
    const client = connect(Number(routes.url.port), routes.url.hostname);
    client.write(`GET /x HTTP/1.1\r\nhost: ${host}\r\nx-do: stream=60\r\nconnection: close\r\n\r\n`);
    let all = "";
    for await (const chunk of client) {
      all += chunk;
      times.push(performance.now() - startedAt);
    }
    expect(all).toMatch(/\r\n59\n\r\n0\r\n\r\n$/);
    expect(times.length).toBeGreaterThanOrEqual(60);
    expect(times.at(-1)).toBeGreaterThan(59_000);
  });

  test("a client that goes away in the middle of its request is gone for the server too", async () => {
    const id = randomUUID();
    const client = connect(Number(routes.url.port), routes.url.hostname);
    client.write(`POST /hang HTTP/1.1\r\nhost: ${host}\r\nx-request-id: ${id}\r\ncontent-length: 1000\r\n\r\nhalf`);
    await taken("model", id);
    client.destroy();
    await vi.waitFor(() => expect(seen(id).map(({ method }) => method)).toContain("CLOSE"), { timeout: 20_000 });
  });
});

describe("a rule", () => {
  test("can be another VirtualService's, by delegate", async () => {
    const { spec } = routes.manifest("delegated", [
      { match: [{ uri: { prefix: "/team/a/" } }], rewrite: { uri: "/" }, ...to("other") },
    ]) as unknown as { spec: { http: readonly Rule[] } };
    await applyManifest(own.cluster, {
      ...routes.manifest("delegated", []),
      spec: { http: spec.http },
    });
    const host = await routes.routed("delegating", [
      { match: [{ uri: { prefix: "/team/" } }], delegate: { name: "delegated", namespace: space } },
      to("model"),
    ]);
    expect(await routes.seenBy(host, "/team/a/x")).toMatchObject({ server: "other", url: "/x" });
    expect(await routes.seenBy(host, "/else")).toMatchObject({ server: "model" });
    // What the root matches and the delegate does not is the next rule's.
    expect(await routes.seenBy(host, "/team/b/x")).toMatchObject({ server: "model", url: "/team/b/x" });
  });

  test("tries again as often as it says, on what it says, within its time", async () => {
    const host = await routes.routed("retrying", [
      {
        match: [{ uri: { prefix: "/often" } }],
        retries: { attempts: 3, retryOn: "5xx", perTryTimeout: "2s" },
        ...to("model"),
      },
      {
        match: [{ uri: { prefix: "/short" } }],
        retries: { attempts: 1, perTryTimeout: "300ms", retryOn: "reset" },
        ...to("model"),
      },
      { retries: { attempts: 0 }, ...to("model") },
    ]);
    const attempts = async (path: string, deed: string) => {
      const id = randomUUID();
      const { status } = await ask(host, path, { headers: { "x-request-id": id, "x-do": deed } });
      // What a server saw is printed a moment after it answered.
      await delay(200);
      return [status, seen(id).filter(({ method }) => method !== "CLOSE").length];
    };
    expect(await attempts("/often", "status=500")).toEqual([500, 4]);
    expect(await attempts("/often", "fail-once")).toEqual([200, 2]);
    expect(await attempts("/never", "fail-once")).toEqual([503, 1]);
    expect((await attempts("/short", "hang"))[0]).toBe(504);
  });

  test("asks another pod where one accepts no connections, unless it says otherwise", async () => {
    await own.backends.serve("half", own.backends.ports.model);
    await own.backends.addRefusing("half");
    const statuses = async (name: string, rule: Rule) => {
      const half = await routes.routed(name, [rule]);
      const all: number[] = [];
      while (all.length < 40) all.push((await ask(half, "/")).status);
      return new Set(all);
    };
    const once: Rule = { retries: { attempts: 0 }, ...to("half") };
    // Endpoints may come to Envoy a moment after routes.
    await vi.waitFor(async () => expect(await statuses("half-once", once)).toEqual(new Set([200, 503])), 20_000);
    // Istio's default (https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry).
    expect(await statuses("half", to("half"))).toEqual(new Set([200]));
  });

  test("is chosen by a cookie's regular expression", async () => {
    const host = await routes.routed("cookies", [
      { match: [{ headers: { cookie: { regex: "^(.*;\\s*)?canary=(yes|on)(;.*)?$" } } }], ...to("other") },
      to("model"),
    ]);
    const server = async (cookie: string) => (await routes.seenBy(host, "/", { headers: { cookie } })).server;
    expect(await server("a=1; canary=on; b=2")).toBe("other");
    expect(await server("canary=yes")).toBe("other");
    expect(await server("xcanary=yes")).toBe("model");
    expect(await server("canary=no")).toBe("model");
  });

  test("with a mirror passes WebSocket connections on", async () => {
    const host = await routes.routed("sockets", [{ ...to("model"), mirrors: [mirror("shadow", 100)] }]);
    const all = await spoken(
      ["GET /chat HTTP/1.1", `host: ${host}`, "connection: Upgrade", "upgrade: websocket", "", "hello"],
      /\|hello$/,
    );
    expect(all).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n\/chat\|hello$/);
  });
});

describe("gRPC", () => {
  let session: ClientHttp2Session;
  beforeAll(() => {
    session = connectHttp2(routes.url.href);
  });
  afterAll(() => session?.close());

  async function called(host: string, message: Buffer) {
    const stream = session.request({
      ":method": "POST",
      ":path": "/inference.GRPCInferenceService/ModelInfer",
      ":authority": host,
      "content-type": "application/grpc",
      te: "trailers",
    });
    let status: Readonly<Record<string, unknown>> = {};
    stream.on("response", (headers) => {
      status = { ...status, ...headers };
    });
    stream.on("trailers", (trailers) => {
      status = { ...status, ...trailers };
    });
    stream.end(message);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return { status, body: Buffer.concat(chunks) };
  }

  test("calls pass with their trailers", async () => {
    const host = await routes.routed("calls", [to("grpc-model")]);
    const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 5]), Buffer.from("hello")]);
    const { status, body } = await called(host, message);
    expect(status).toMatchObject({ ":status": 200, "grpc-status": "0" });
    expect(body.equals(message)).toBe(true);
  });

  test("a call without a route is told in gRPC's own way", async () => {
    const { status } = await called("nobody.test", Buffer.alloc(5));
    expect(status).toMatchObject({ ":status": 200, "grpc-status": "12" });
  });
});
