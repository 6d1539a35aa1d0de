import { existsSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { OperatorError } from "../../../../src/domain/errors.ts";
import { egressAddress } from "../../../../src/local/network/egressPolicy.ts";
import { type EgressProxyOptions, startEgressProxy } from "../../../../src/local/network/egressProxy.ts";
import { hostProxyFor } from "../../../../src/local/network/hostProxy.ts";
import { relayTcpToUnix, relayUnixToTcp } from "../../../../src/local/network/relay.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

function folder(): string {
  return mkdtempSync(join(tmpdir(), "relay-"));
}

/** Everything a connection answers to `sent`, or the error's code. */
function talk(socket: Socket, sent: string): Promise<string> {
  return new Promise((resolve) => {
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk;
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once("end", () => resolve(seen));
    socket.end(sent);
  });
}

async function relayed(target: number) {
  const socketPath = join(folder(), "x.sock");
  const inside = await relayUnixToTcp({ socketPath, host: "127.0.0.1", port: target });
  const outside = await relayTcpToUnix({ host: "127.0.0.1", port: 0, socketPath });
  closing.push(
    () => inside.close(),
    () => outside.close(),
  );
  return { socketPath, inside, outside };
}

describe("relay", () => {
  it("carries bytes and half-closes both ways", async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    const { outside } = await relayed(await listening(echo));
    const data = "x".repeat(2_000_000);
    expect((await talk(connect({ port: outside.port, allowHalfOpen: true }), data)) === data).toBe(true);
  });

  it("ends a connection at once when nothing listens inside, and works as soon as something does", async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    const port = await listening(echo);
    await closing.pop()?.();
    const { outside } = await relayed(port);
    expect(await talk(connect(outside.port), "")).toBe("ECONNRESET");
    await new Promise<void>((resolve) => echo.listen(port, "127.0.0.1", resolve));
    closing.push(() => new Promise((resolve) => echo.close(resolve)));
    expect(await talk(connect({ port: outside.port, allowHalfOpen: true }), "now")).toBe("now");
  });

  it("ends a connection at once when the inner half is away", async () => {
    const outside = await relayTcpToUnix({ host: "127.0.0.1", port: 0, socketPath: join(folder(), "none.sock") });
    closing.push(() => outside.close());
    expect(await talk(connect(outside.port), "")).toBe("ECONNRESET");
  });

  it("replaces a socket file that was left behind, for its user alone, and removes its own", async () => {
    const socketPath = join(folder(), "stale.sock");
    writeFileSync(socketPath, "");
    const relay = await relayUnixToTcp({ socketPath, host: "127.0.0.1", port: 1 });
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    await relay.close();
    expect(existsSync(socketPath)).toBe(false);
  });

  it("says which port is taken", async () => {
    const port = await listening(createServer());
    const failure = relayTcpToUnix({ host: "127.0.0.1", port, socketPath: "/none" });
    await expect(failure).rejects.toThrow(OperatorError);
    await expect(failure).rejects.toThrow(
      `port ${port} on 127.0.0.1 is taken; stop what listens there, or choose another port`,
    );
  });
});

describe("where pods may go", () => {
  const resolve = (all: string[]) => ({ resolve: async () => all, ownAddresses: () => ["192.0.2.7"] });

  it.each([
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[fd00::1]",
    "[fe80::1]",
    "[64:ff9b::7f00:1]",
    "192.0.2.7",
  ])("not to %s", async (host) => {
    await expect(egressAddress(host, 443, resolve([]))).rejects.toThrow(/internal address/);
    const bare = host.replace(/[[\]]/g, "");
    await expect(egressAddress("some.name", 443, resolve(["8.8.8.8", bare]))).rejects.toThrow(/internal address/);
  });

  it("but to the host's package indexes, at their port", async () => {
    const open = async () => new Set(["index.corp:8443"]);
    const internal = { resolve: async () => ["10.1.2.3"], ownAddresses: () => [], open };
    expect(await egressAddress("Index.corp", 8443, internal)).toBe("10.1.2.3");
    await expect(egressAddress("index.corp", 22, internal)).rejects.toThrow(/internal address/);
    await expect(egressAddress("other.corp", 8443, internal)).rejects.toThrow(/internal address/);
  });

  it("but to public addresses, at the one that was checked", async () => {
    expect(await egressAddress("some.name", 443, resolve(["8.8.8.8", "8.8.4.4"]))).toBe("8.8.8.8");
    expect(await egressAddress("[2001:4860:4860::8888]", 443, resolve([]))).toBe("2001:4860:4860::8888");
  });
});

describe("the host's own proxy", () => {
  const env = { HTTPS_PROXY: "http://user:p%40ss@proxy:3128", no_proxy: "localhost, .corp.example,exact.example" };
  it("is taken from the environment, with its user", () => {
    expect(hostProxyFor("https", "a.example", env)).toEqual({
      host: "proxy",
      port: 3128,
      authorization: `Basic ${Buffer.from("user:p@ss").toString("base64")}`,
    });
    expect(hostProxyFor("http", "a.example", env)).toBeUndefined();
  });
  it.each(["localhost", "x.corp.example", "corp.example", "sub.exact.example"])("is not used for %s", (host) =>
    expect(hostProxyFor("https", host, env)).toBeUndefined(),
  );
  it("is refused when it is of another kind", () => {
    expect(() => hostProxyFor("https", "a.example", { ALL_PROXY: "socks5://x" })).toThrow(/not an http:/);
  });
});

describe("egress proxy", () => {
  async function egress(options: Omit<EgressProxyOptions, "socketPath"> = {}): Promise<string> {
    const socketPath = join(folder(), "egress.sock");
    const proxy = await startEgressProxy({ env: {}, ...options, socketPath });
    closing.push(() => proxy.close());
    return socketPath;
  }

  function tunnel(socketPath: string, path: string): Promise<{ status: number | undefined; socket: Socket }> {
    return new Promise((resolve, reject) => {
      request({ socketPath, method: "CONNECT", path })
        .on("connect", (response, socket) => resolve({ status: response.statusCode, socket }))
        .on("error", reject)
        .end();
    });
  }

  it("refuses the host's services, by address and by name", async () => {
    const port = await listening(createServer());
    const socketPath = await egress();
    for (const host of ["127.0.0.1", "localhost", "2130706433", "[::1]"]) {
      const { status, socket } = await tunnel(socketPath, `${host}:${port}`);
      expect(status).toBe(403);
      socket.destroy();
    }
    const status = await new Promise((resolve, reject) => {
      request({ socketPath, path: `http://127.0.0.1:${port}/` }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });

  it("goes through the host's proxy, where only that one resolves the name", async () => {
    const seen: string[] = [];
    const upstream = createHttpServer((incoming, response) => {
      seen.push(`${incoming.method} ${incoming.url}`);
      response.end("plain");
    });
    upstream.on("connect", (incoming, socket) => {
      seen.push(`CONNECT ${incoming.url}`);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(socket);
    });
    const proxy = `http://127.0.0.1:${await listening(upstream)}`;
    const socketPath = await egress({
      env: { HTTPS_PROXY: proxy, HTTP_PROXY: proxy },
      resolve: () => Promise.reject(new Error("ENOTFOUND")),
    });
    const { status, socket } = await tunnel(socketPath, "packages.example:443");
    expect(status).toBe(200);
    expect(await talk(socket, "through")).toBe("through");
    const text = await new Promise((resolve, reject) => {
      request({ socketPath, path: "http://packages.example/simple/", headers: { connection: "close" } }, (response) => {
        response.setEncoding("utf8").on("data", resolve);
      })
        .on("error", reject)
        .end();
    });
    expect(text).toBe("plain");
    expect(seen).toEqual(["CONNECT packages.example:443", "GET http://packages.example/simple/"]);
  });

  it("says what went wrong when a destination cannot be reached", async () => {
    const socketPath = await egress({ resolve: () => Promise.reject(new Error("no such name")) });
    const { status, socket } = await tunnel(socketPath, "nowhere.example:443");
    expect(status).toBe(502);
    socket.destroy();
  });
});
