import { mkdtempSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { startGatewayAdmin } from "../../../../src/local/gateway/admin.ts";
import { createGateway, type GatewayOptions } from "../../../../src/local/gateway/gateway.ts";
import { buildRouteTable } from "../../../../src/local/gateway/routing.ts";
import type { HttpRoute, VirtualService } from "../../../../src/local/gateway/virtualService.ts";

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void;

async function upstream(handler: Handler): Promise<number> {
  const server = createServer(handler);
  return listening(server, () => server.closeAllConnections());
}

async function listening(server: Server, cut: () => void = () => {}): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    const closed = new Promise((resolve) => server.close(resolve));
    cut();
    return closed;
  });
  return (server.address() as { port: number }).port;
}

/** A gateway with one VirtualService of `rules`; every Service is at 127.0.0.1, but for those named `missing`. */
async function gatewayOf(rules: HttpRoute[], options: Partial<GatewayOptions> = {}) {
  const resolver = {
    cached: () => undefined,
    resolve: (host: string) =>
      host.startsWith("missing") ? Promise.reject(new Error("queryA ENOTFOUND")) : Promise.resolve("127.0.0.1"),
    forget: () => {},
  };
  const gateway = createGateway({ resolver, log: () => {}, ...options });
  const service = {
    metadata: { name: "it", namespace: "zoo" },
    spec: { hosts: ["*"], gateways: ["g/g"], http: rules },
  };
  gateway.use(buildRouteTable([service as VirtualService]));
  const port = await gateway.listen({ host: "127.0.0.1", port: 0 });
  closing.push(() => gateway.close(0));
  return { gateway, port, url: `http://127.0.0.1:${port}` };
}

function to(port: number, more: HttpRoute = {}): HttpRoute {
  return { route: [{ destination: { host: "model", port: { number: port } } }], ...more };
}

async function read(incoming: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of incoming) text += chunk;
  return text;
}

/** Answers with what it was asked, as JSON. */
const echo: Handler = async (incoming, response) => {
  const body = await read(incoming);
  const { method, url, headers } = incoming;
  response.writeHead(200, { "content-type": "application/json", "x-from": "model" });
  response.end(JSON.stringify({ method, url, headers, body }));
};

describe("forwarding", () => {
  it("rewrites, keeps the host and the body, and tells where a request came from", async () => {
    const { url, port } = await gatewayOf([
      to(await upstream(echo), { match: [{ uri: { prefix: "/serving/" } }], rewrite: { uri: "/" } }),
    ]);
    const response = await fetch(`${url}/serving/v1?x=1`, { method: "POST", body: '{"inputs":[]}' });
    expect(response.headers.get("x-from")).toBe("model");
    expect(await response.json()).toMatchObject({
      method: "POST",
      url: "/v1?x=1",
      body: '{"inputs":[]}',
      headers: {
        host: `127.0.0.1:${port}`,
        "content-length": "13",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": `127.0.0.1:${port}`,
        "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    });
  });

  it("keeps a request id, extends x-forwarded-for, and drops what belongs to the connection", async () => {
    const { url } = await gatewayOf([to(await upstream(echo))]);
    const headers = {
      "x-request-id": "mine",
      "x-forwarded-for": "1.2.3.4",
      connection: "close, x-secret",
      "x-secret": "s",
    };
    const { headers: seen } = await new Promise<{ headers: Record<string, string> }>((resolve, reject) => {
      request(url, { headers }, async (response) => resolve(JSON.parse(await read(response))))
        .on("error", reject)
        .end();
    });
    expect(seen).toMatchObject({ "x-request-id": "mine", "x-forwarded-for": "1.2.3.4, 127.0.0.1" });
    expect(seen).not.toHaveProperty("x-secret");
  });

  it("changes headers of both sides, the destination's rules after the route's", async () => {
    const port = await upstream(echo);
    const { url } = await gatewayOf([
      {
        headers: {
          request: { set: { "x-a": "route", Host: "iris.zoo" }, remove: ["x-gone"] },
          response: { remove: ["x-from"] },
        },
        route: [
          {
            destination: { host: "model", port: { number: port } },
            headers: { request: { set: { "x-a": "destination" } }, response: { add: { "x-b": "added" } } },
          },
        ],
      },
    ]);
    const response = await fetch(url, { headers: { "x-gone": "1" } });
    const { headers } = (await response.json()) as { headers: Record<string, string> };
    expect(headers).toMatchObject({ "x-a": "destination", host: "iris.zoo" });
    expect(headers).not.toHaveProperty("x-gone");
    expect(response.headers.get("x-from")).toBeNull();
    expect(response.headers.get("x-b")).toBe("added");
  });

  it("answers HEAD without a body and with the length", async () => {
    const { url } = await gatewayOf([
      to(await upstream((_, response) => response.writeHead(200, { "content-length": 9 }).end())),
    ]);
    const response = await fetch(url, { method: "HEAD" });
    expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([200, "9", ""]);
  });

  it("streams large bodies both ways unchanged, with or without a length", async () => {
    const { url } = await gatewayOf([to(await upstream((incoming, response) => incoming.pipe(response)))]);
    const large = Buffer.alloc(3 * 1024 * 1024, "abcdefg");
    const whole = await fetch(url, { method: "POST", body: large });
    expect(Buffer.from(await whole.arrayBuffer()).equals(large)).toBe(true);
    const chunked = await fetch(url, { method: "POST", body: new Blob([large]).stream(), duplex: "half" });
    expect(Buffer.from(await chunked.arrayBuffer()).equals(large)).toBe(true);
  });

  it("passes the first bytes of an answer on before the last are there", async () => {
    let finish = (): void => {};
    const port = await upstream((_, response) => {
      response.write("first");
      finish = () => response.end("last");
    });
    const { url } = await gatewayOf([to(port)]);
    const reader = (await fetch(url)).body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("first");
    finish();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("last");
  });

  it("says 100 Continue only when there is a route", async () => {
    const { port } = await gatewayOf([to(await upstream(echo), { match: [{ uri: { prefix: "/yes" } }] })]);
    const post = (path: string) =>
      new Promise<string[]>((resolve, reject) => {
        const seen: string[] = [];
        const outgoing = request({
          port,
          host: "127.0.0.1",
          path,
          method: "POST",
          headers: { expect: "100-continue" },
        });
        outgoing.on("continue", () => {
          seen.push("continue");
          outgoing.end("body");
        });
        outgoing.on("response", (response) => {
          resolve([...seen, String(response.statusCode)]);
          outgoing.destroy();
        });
        outgoing.on("error", reject);
        outgoing.flushHeaders();
      });
    expect(await post("/yes")).toEqual(["continue", "200"]);
    expect(await post("/no")).toEqual(["404"]);
  });

  it("passes a client's departure on to the upstream", async () => {
    const { promise: gone, resolve: left } = Promise.withResolvers<void>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const port = await upstream((incoming) => {
      arrive();
      incoming.socket.once("close", () => left());
    });
    const { url } = await gatewayOf([to(port)]);
    const abort = new AbortController();
    const answer = fetch(url, { signal: abort.signal }).catch(() => "aborted");
    await arrived;
    abort.abort();
    expect(await answer).toBe("aborted");
    await gone;
  });

  it("joins WebSocket connections, with what is sent before the answer", async () => {
    const server = createServer();
    server.on("upgrade", (incoming, socket, head) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n${incoming.url}|${head}`,
      );
      socket.pipe(socket);
    });
    const { port } = await gatewayOf([to(await listening(server), { rewrite: { uri: "/ws/" } })]);
    const client = connect(port, "127.0.0.1");
    client.write("GET /chat HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\nearly|");
    let seen = "";
    for await (const chunk of client) {
      seen += chunk;
      if (seen.endsWith("early|")) client.end("late");
    }
    expect(seen).toMatch(/^HTTP\/1.1 101 [\s\S]*\r\n\r\n\/ws\/chat\|early\|late$/);
  });
});

describe("answers of the gateway's own", () => {
  const error = async (response: Response) => [response.status, ((await response.json()) as { error: string }).error];

  it("404 names host and path", async () => {
    const { url, port } = await gatewayOf([to(1, { match: [{ uri: { exact: "/a" } }] })]);
    expect(await error(await fetch(`${url}/b`))).toEqual([
      404,
      `no VirtualService for host "127.0.0.1:${port}" has a route for GET /b`,
    ]);
  });

  it("503 for a Service that does not exist, or that refuses", async () => {
    const { url } = await gatewayOf([
      { match: [{ uri: { prefix: "/missing" } }], route: [{ destination: { host: "missing" } }] },
      to(1),
    ]);
    expect(await error(await fetch(`${url}/missing`))).toEqual([
      503,
      "there is no Service missing.zoo.svc.cluster.local: queryA ENOTFOUND",
    ]);
    expect(await error(await fetch(url, { method: "POST", body: "x" }))).toEqual([
      503,
      "model.zoo.svc.cluster.local:1 accepts no connections: none of its pods is ready",
    ]);
  });

  it("502 when the upstream ends without an answer", async () => {
    const { url } = await gatewayOf([to(await upstream((incoming) => incoming.socket.destroy()))]);
    expect(await error(await fetch(url))).toEqual([
      502,
      expect.stringMatching(/^model.zoo.svc.cluster.local:\d+ closed the connection before it answered/),
    ]);
  });

  it("504 when the answer takes longer than the route allows", async () => {
    const { url } = await gatewayOf([to(await upstream(() => {}), { timeout: "50ms" })]);
    expect(await error(await fetch(url, { method: "POST", body: "{}" }))).toEqual([
      504,
      expect.stringContaining("did not answer within 50 ms"),
    ]);
  });

  it("cuts an answer that breaks off, so that nobody takes it for the whole", async () => {
    const port = await upstream((_, response) => {
      response.write("half");
      setTimeout(() => response.destroy(), 20);
    });
    const { url } = await gatewayOf([to(port)]);
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
  });

  it("redirects, and responds directly", async () => {
    const { url } = await gatewayOf([
      { match: [{ uri: { exact: "/r" } }], redirect: { uri: "/there", redirectCode: 307 } },
      {
        directResponse: { status: 418, body: { string: "short" } },
        headers: { response: { set: { "content-type": "text/x" } } },
      },
    ]);
    const redirect = await fetch(`${url}/r?a`, { redirect: "manual" });
    expect([redirect.status, redirect.headers.get("location")]).toEqual([307, `${url}/there?a`]);
    const direct = await fetch(url);
    expect([direct.status, direct.headers.get("content-type"), await direct.text()]).toEqual([418, "text/x", "short"]);
  });
});

describe("retries", () => {
  it("tries a refused connection again, body and all", async () => {
    const spare = await upstream(echo);
    let asked = 0;
    const resolver = {
      cached: () => undefined,
      // Nothing listens on 127.0.0.2, as at the ClusterIP of a Service that was stopped and started.
      resolve: () => Promise.resolve(asked++ === 0 ? "127.0.0.2" : "127.0.0.1"),
      forget: () => {},
    };
    const { url } = await gatewayOf([to(spare)], { resolver });
    const response = await fetch(url, { method: "POST", body: "kept" });
    expect(await response.json()).toMatchObject({ body: "kept" });
  });
});

describe("mirrors", () => {
  it("send a copy with the same request id, and their answers change nothing", async () => {
    const { promise: copied, resolve: copy } = Promise.withResolvers<{ id: unknown; body: string; url: unknown }>();
    const shadow = await upstream(async (incoming, response) => {
      copy({ id: incoming.headers["x-request-id"], body: await read(incoming), url: incoming.url });
      response.writeHead(500).end("shadow");
    });
    const { url, gateway } = await gatewayOf([
      to(await upstream(echo), { rewrite: { uri: "/v1/" }, mirror: { host: "shadow", port: { number: shadow } } }),
    ]);
    const answer = (await (await fetch(`${url}/x`, { method: "POST", body: "data" })).json()) as {
      headers: Record<string, string>;
    };
    expect(await copied).toEqual({ id: answer.headers["x-request-id"], body: "data", url: "/v1/x" });
    expect(gateway.metrics.render(0)).toContain(
      `destination="shadow.zoo.svc.cluster.local:${shadow}",result="sent"} 1`,
    );
  });

  it("that are missing, hang or refuse leave the primary alone", async () => {
    const hanging = await upstream(() => {});
    const { url, gateway } = await gatewayOf([
      to(await upstream(echo), {
        mirrors: [
          { destination: { host: "missing" } },
          { destination: { host: "hanging", port: { number: hanging } } },
          { destination: { host: "refusing", port: { number: 1 } } },
        ],
      }),
    ]);
    for (let count = 0; count < 5; count++) expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(200);
    await vi.waitFor(() =>
      expect(gateway.metrics.render(0)).toContain('refusing.zoo.svc.cluster.local:1",result="failed"} 5'),
    );
  });

  it("drop bodies above the limit, while the primary gets all of it", async () => {
    let mirrored = 0;
    const shadow = await upstream((_, response) => {
      mirrored += 1;
      response.end();
    });
    const { url, gateway } = await gatewayOf(
      [to(await upstream(echo), { mirror: { host: "shadow", port: { number: shadow } } })],
      { mirror: { bodyLimit: 1_000 } },
    );
    for (const body of ["a".repeat(2_000), new Blob(["b".repeat(2_000)]).stream()]) {
      const response = await fetch(url, { method: "POST", body, duplex: "half" });
      expect(((await response.json()) as { body: string }).body).toHaveLength(2_000);
    }
    expect(gateway.metrics.render(0)).toContain('result="dropped"} 2');
    expect(mirrored).toBe(0);
  });

  it("copy the named share of the requests", async () => {
    const values = [0.1, 0.5, 0.1, 0.9];
    const shadow = await upstream((_, response) => response.end());
    const { url, gateway } = await gatewayOf(
      [to(await upstream(echo), { mirror: { host: "s", port: { number: shadow } }, mirrorPercentage: { value: 20 } })],
      { random: () => values.shift() ?? 0.99 },
    );
    for (let count = 0; count < 4; count++) await (await fetch(url)).text();
    expect(gateway.metrics.render(0)).toContain('result="sent"} 2');
  });
});

describe("running", () => {
  it("answers 503, not 404, as long as it has no routing table", async () => {
    const resolver = { cached: () => "127.0.0.1", resolve: () => Promise.resolve("127.0.0.1"), forget: () => {} };
    const gateway = createGateway({ resolver, log: () => {} });
    closing.push(() => gateway.close(0));
    const port = await gateway.listen({ host: "127.0.0.1", port: 0 });
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(503);
  });

  it("finishes what is in flight when it stops, and takes nothing new", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<ServerResponse>();
    const { url, gateway } = await gatewayOf([to(await upstream((_, response) => arrive(response)))]);
    const answer = fetch(url).then((response) => response.text());
    const response = await arrived;
    const closed = gateway.close(5_000);
    await delay(20);
    await expect(fetch(url)).rejects.toThrow();
    response.end("finished");
    expect(await answer).toBe("finished");
    await closed;
  });

  it("serves a unix socket for its user alone, and health and metrics on another", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gateway-"));
    const { gateway } = await gatewayOf([to(await upstream(echo))]);
    await gateway.listenOnSocket(join(folder, "gateway.sock"));
    const socketPath = join(folder, "admin.sock");
    let ready = false;
    const admin = await startGatewayAdmin({ socketPath, gateway, isReady: () => ready });
    closing.push(() => admin.close());
    const get = (socket: string, path: string) =>
      new Promise<[number | undefined, string]>((resolve, reject) => {
        const options = { socketPath: join(folder, socket), path };
        request(options, async (response) => resolve([response.statusCode, await read(response)]))
          .on("error", reject)
          .end();
      });
    expect(statSync(join(folder, "gateway.sock")).mode & 0o777).toBe(0o600);
    expect((await get("gateway.sock", "/"))[0]).toBe(200);
    expect((await get("admin.sock", "/healthz"))[0]).toBe(503);
    ready = true;
    expect((await get("admin.sock", "/healthz"))[0]).toBe(200);
    await vi.waitFor(async () =>
      expect((await get("admin.sock", "/metrics"))[1]).toContain(
        'menagerie_gateway_requests_total{route="zoo/it/http[0]",code="200"} 1',
      ),
    );
  });
});
