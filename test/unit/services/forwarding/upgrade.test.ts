import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  acceptUpgrades,
  isWebSocket,
  passUpgrade,
  type UpgradeOptions,
  upgradeOf,
} from "../../../../src/services/forwarding/upgrade.ts";
import { conversation, startWebSocketServer } from "../../../support/webSocketServer.ts";

/** WebSockets through a server of ours: Node's own client, and a server that speaks the protocol. */

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function behind() {
  const server = await startWebSocketServer();
  closing.push(() => server.stop());
  return server;
}

/** A server that passes upgrades on to `host`, and answers everything else itself. */
async function proxied(host: string, more: Partial<UpgradeOptions> = {}) {
  const failures: string[] = [];
  let ended = 0;
  const proxy: Server = createServer({ shouldUpgradeCallback: isWebSocket }, (request, response) => {
    const upgrade = upgradeOf(request);
    if (!upgrade || request.url === "/own") return response.writeHead(418).end("own answer");
    passUpgrade(request, response, upgrade, {
      origin: `http://${host}`,
      timeoutMs: 500,
      onFailure: (failure) => {
        failures.push(failure);
        response.writeHead(599).end(failure);
      },
      onEnd: () => {
        ended += 1;
      },
      ...more,
    });
  });
  acceptUpgrades(proxy);
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  closing.push(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, failures, ended: () => ended };
}

const handshake = (path: string, more = "") =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`;

async function raw(address: string, text: string, until: RegExp): Promise<string> {
  const [host = "", port] = address.split(":");
  const socket = connect(Number(port), host);
  closing.push(() => socket.destroy());
  let answer = "";
  socket.on("error", () => {});
  socket.write(text);
  for await (const chunk of socket) {
    answer += chunk;
    if (until.test(answer)) break;
  }
  return answer;
}

describe("a WebSocket", () => {
  it("passes with its texts both ways, the large ones too, and with how it closes", async () => {
    const server = await behind();
    const { address, failures, ended } = await proxied(server.host);
    const large = "x".repeat(300_000);
    const said = await conversation(`ws://${address}/v1/websocket?a=1`, ["one", large, "three"]);
    expect(said).toEqual({
      opened: true,
      answers: ["echo one", `echo ${large}`, "echo three"],
      code: 1000,
      reason: "done",
    });
    expect(server.seen[0]?.url).toBe("/v1/websocket?a=1");
    await expect.poll(ended).toBe(1);
    expect(failures).toEqual([]);
    expect(server.open.size).toBe(0);
  });

  it("is asked for with the client's headers but those that are withheld, and at the path that is given, as it is written", async () => {
    const server = await behind();
    const { address } = await proxied(server.host, {
      path: "/v1/a/../b",
      withheld: new Set(["x-api-key"]),
      added: ["x-request-id", "7"],
    });
    await conversation(`ws://${address}/v1/websocket`, [], { "x-api-key": "k", "x-tenant": "t" });
    const [{ url, headers } = { url: "", headers: {} }] = server.seen;
    expect(url).toBe("/v1/a/../b");
    expect(headers).toMatchObject({ host: server.host, "x-tenant": "t", "x-request-id": "7", upgrade: "websocket" });
    expect(headers).not.toHaveProperty("x-api-key");
  });

  it("that the server refuses is answered as the server does", async () => {
    const { address } = await proxied((await behind()).host);
    expect(await raw(address, handshake("/v1/refused"), /not you/)).toMatch(/^HTTP\/1.1 403 Forbidden\r\n.*not you$/s);
    expect(await conversation(`ws://${address}/v1/refused`, ["x"])).toMatchObject({ opened: false, answers: [] });
  });

  it("that is not passed on is answered as every request", async () => {
    const { address } = await proxied((await behind()).host);
    expect(await raw(address, handshake("/own"), /own answer/)).toMatch(
      /^HTTP\/1.1 418 .*connection: close.*own answer/is,
    );
  });

  it("of no server, and of one that never answers, is told why", async () => {
    const dead = await proxied("127.0.0.1:1");
    expect(await raw(dead.address, handshake("/v1/websocket"), /unavailable/)).toMatch(/^HTTP\/1.1 599 /);
    const silent = createTcpServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    closing.push(() => silent.close());
    const late = await proxied(`127.0.0.1:${(silent.address() as AddressInfo).port}`);
    expect(await raw(late.address, handshake("/v1/websocket"), /timeout/)).toMatch(/^HTTP\/1.1 599 /);
    expect([...dead.failures, ...late.failures]).toEqual(["predictor_unavailable", "predictor_timeout"]);
    expect(late.ended()).toBe(1);
  });

  it("ends on the other side when one breaks off", async () => {
    const server = await behind();
    const { address, ended } = await proxied(server.host);
    const [host = "", port] = address.split(":");
    const client = connect(Number(port), host);
    client.on("error", () => {});
    client.write(handshake("/v1/websocket"));
    await once(client, "data");
    expect(server.open.size).toBe(1);
    client.resetAndDestroy();
    await expect.poll(() => server.open.size).toBe(0);
    const other = connect(Number(port), host);
    other.write(handshake("/v1/websocket"));
    await once(other, "data");
    for (const socket of server.open) socket.resetAndDestroy();
    await once(other.resume(), "close");
    await expect.poll(ended).toBe(2);
  });

  it("whose client does not read holds the server back, and nothing grows", async () => {
    // Writes for as long as it may.
    let sent = 0;
    const server = createServer();
    server.on("upgrade", (_, socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536))) sent += 65_536;
        socket.once("drain", more);
      };
      more();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => server.close());
    const { address } = await proxied(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [host = "", port] = address.split(":");
    const client = connect(Number(port), host);
    closing.push(() => client.destroy());
    client.write(handshake("/v1/websocket"));
    await once(client, "readable");
    const rates: number[] = [];
    while (rates.length < 6 || rates.slice(-3).some((rate) => rate > 0)) {
      const before = sent;
      await new Promise((resolve) => setTimeout(resolve, 250));
      rates.push(sent - before);
    }
    expect(sent).toBeLessThan(64 * 1024 ** 2);
  });
});

it("other upgrades, such as h2c, and those of other methods are requests as all others", async () => {
  const { address } = await proxied((await behind()).host);
  for (const text of [
    "GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}",
  ]) {
    expect(await raw(address, text, /own answer/)).toMatch(/^HTTP\/1.1 418 /);
  }
});
