import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "undici";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Exchange, type ExchangeEnd, type ExchangeOptions } from "../../../../src/services/forwarding/exchange.ts";

/** The one way by which the services and the truss client's proxy forward a request: real servers and sockets on both sides. */

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const mebibyte = 1024 ** 2;

/** A server behind a proxy that forwards to it, with how each exchange ended. */
async function proxied(behind: RequestListener | string, more: Partial<ExchangeOptions> = {}) {
  const origin = `http://${typeof behind === "string" ? behind : await listening(createServer(behind))}`;
  const dispatcher = new Agent({ connectTimeout: 2_000 });
  closing.push(() => dispatcher.destroy());
  const ends: ExchangeEnd[] = [];
  const failures: string[] = [];
  const proxy = createServer((incoming, response) => {
    new Exchange(incoming, response, {
      dispatcher,
      origin,
      onFailure: (failure) => {
        failures.push(failure);
        if (!response.headersSent) response.writeHead(599).end(failure);
      },
      onEnd: (end) => void ends.push(end),
      ...more,
    }).start();
  });
  return { address: await listening(proxy), ends, failures };
}

/** Sends the bytes and answers all that comes until the connection ends. */
async function raw(address: string, text: string): Promise<string> {
  const [host = "", port] = address.split(":");
  const socket = connect(Number(port), host);
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    answer += chunk;
  });
  socket.on("error", () => {});
  socket.write(text);
  await once(socket, "close");
  return answer;
}

/** `POST /x` with a body, whose connection ends with the answer. */
const post = (headers: string, body = "{}") =>
  `POST /x HTTP/1.1\r\nhost: front\r\nconnection: close\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`;

describe("headers", () => {
  it("of one connection stay on it, those that `connection` names too; all others go on as they were written, twice where twice", async () => {
    let seen: readonly string[] = [];
    const { address } = await proxied((incoming, response) => {
      seen = incoming.rawHeaders;
      response.writeHead(200, [
        ...["X-One", "1", "set-cookie", "a", "Set-Cookie", "b", "x-hop", "gone", "connection", "X-Hop, keep-alive"],
        ...["keep-alive", "timeout=9", "proxy-authenticate", "Basic", "upgrade", "h2c", "content-length", "2"],
      ]);
      response.end("ok");
    });
    const answer = await raw(
      address,
      `POST /x HTTP/1.1\r\nHost: front\r\nX-Mixed: 1\r\naccept: a\r\naccept: b\r\nx-hop: 1\r\nconnection: close, X-Hop\r\nte: trailers\r\ntrailer: x\r\nproxy-authorization: p\r\nproxy-connection: x\r\nupgrade: h2c\r\nkeep-alive: 5\r\ncontent-length: 2\r\n\r\n{}`,
    );
    const asked = Object.entries(Object.groupBy(seen, (_, index) => String(index >> 1))).map(([, pair]) =>
      pair?.join(": "),
    );
    expect(asked.filter((each) => !/^(host|connection): /.test(each ?? ""))).toEqual([
      "X-Mixed: 1",
      "accept: a",
      "accept: b",
      "content-length: 2",
    ]);
    expect(asked.find((each) => each?.startsWith("host: "))).toMatch(/^host: 127\.0\.0\.1:\d+$/);
    const head = answer
      .split("\r\n\r\n")[0]
      ?.split("\r\n")
      .filter((line) => !/^Date/i.test(line));
    expect(head).toEqual([
      "HTTP/1.1 200 OK",
      "X-One: 1",
      "set-cookie: a",
      "Set-Cookie: b",
      "content-length: 2",
      "connection: close",
    ]);
  });

  it("that are withheld go neither on nor back, and those that are added go on in their place", async () => {
    let seen: IncomingMessage["headers"] = {};
    const { address } = await proxied(
      (incoming, response) => {
        seen = incoming.headers;
        response.writeHead(200, { "x-request-id": "theirs" }).end();
      },
      { withheld: new Set(["x-api-key", "x-request-id"]), added: ["x-request-id", "ours"] },
    );
    const answer = await raw(address, post("X-Api-Key: secret\r\nx-request-id: given\r\n"));
    expect(seen).toMatchObject({ "x-request-id": "ours" });
    expect(seen).not.toHaveProperty("x-api-key");
    expect(answer).not.toMatch(/theirs/);
  });

  it("`expect` is answered here, and goes no further", async () => {
    let seen: string | undefined = "none";
    const { address } = await proxied((incoming, response) => {
      seen = incoming.headers.expect;
      incoming.resume().once("end", () => response.end("done"));
    });
    expect(await raw(address, post("expect: 100-continue\r\n"))).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /,
    );
    expect(seen).toBeUndefined();
  });
});

describe("answers", () => {
  it("before the last (103) and trailers end here, and the body is whole", async () => {
    const { address, ends } = await proxied((_incoming, response) => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.writeHead(200, { trailer: "x-sum" });
      response.addTrailers({ "x-sum": "7" });
      response.end("whole");
    });
    const answer = await raw(address, post(""));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/whole/);
    expect(answer).not.toMatch(/x-sum|preload/);
    expect(ends).toEqual([{ status: 200, failure: null, wholeRequest: true, wholeResponse: true }]);
  });

  it.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("to %s with %i have no body, and the connection goes on", async (method, status) => {
    const { address } = await proxied((_incoming, response) => void response.writeHead(status, { etag: "1" }).end());
    const one = `${method} /x HTTP/1.1\r\nhost: front\r\n`;
    const answer = await raw(address, `${one}\r\n${one}connection: close\r\n\r\n`);
    expect(answer.match(new RegExp(`HTTP/1\\.1 ${status} `, "g"))).toHaveLength(2);
  });

  it("keep a reason that the server gave", async () => {
    const { address } = await proxied((_incoming, response) => void response.writeHead(200, "Fine").end());
    expect(await raw(address, post(""))).toMatch(/^HTTP\/1\.1 200 Fine\r\n/);
  });
});

describe("a side that goes away", () => {
  it("as the client, before the answer and within it, ends the server's connection", async () => {
    const gone = vi.fn();
    const arrived = Promise.withResolvers<void>();
    const { address, ends, failures } = await proxied((incoming, response) => {
      incoming.resume();
      arrived.resolve();
      response.once("close", gone);
      if (incoming.url === "/half") response.write("half");
    });
    const [host = "", port] = address.split(":");
    for (const path of ["/", "/half"]) {
      const asked = request({ host, port, path, method: "POST" });
      asked.on("error", () => {});
      asked.end("{}");
      if (path === "/half") await once(asked, "response");
      else await arrived.promise;
      asked.destroy();
    }
    await expect.poll(() => gone).toHaveBeenCalledTimes(2);
    await expect.poll(() => ends).toHaveLength(2);
    expect(ends.map(({ status, failure }) => [status, failure])).toEqual([
      [null, "client_gone"],
      [200, "client_gone"],
    ]);
    expect(failures).toEqual([]);
  });

  it("as the client, before it is forwarded at all, is noticed, and the server is asked nothing", async () => {
    let asked = 0;
    const origin = `http://${await listening(
      createServer((_incoming, response) => {
        asked += 1;
        response.end();
      }),
    )}`;
    const dispatcher = new Agent();
    closing.push(() => dispatcher.destroy());
    const end = Promise.withResolvers<ExchangeEnd>();
    const proxy = createServer((incoming, response) => {
      const options = { dispatcher, origin, onFailure: () => {}, onEnd: end.resolve };
      response.once("close", () => setTimeout(() => new Exchange(incoming, response, options).start(), 20));
    });
    const [host = "", port] = (await listening(proxy)).split(":");
    const socket = connect(Number(port), host);
    socket.write("GET /x HTTP/1.1\r\nhost: front\r\n\r\n");
    await delay(50);
    socket.destroy();
    expect(await end.promise).toMatchObject({ status: null, failure: "client_gone" });
    expect(asked).toBe(0);
  });

  it("as the client, half-way in its body, is not taken for the server's fault", async () => {
    const { address, ends, failures } = await proxied((incoming, response) => {
      incoming.resume().once("end", () => response.end());
      incoming.on("error", () => {});
    });
    const [host = "", port] = address.split(":");
    const socket = connect(Number(port), host);
    socket.write("POST /x HTTP/1.1\r\nhost: front\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    await delay(100);
    socket.destroy();
    await expect.poll(() => ends).toMatchObject([{ status: null, failure: "client_gone", wholeRequest: false }]);
    expect(failures).toEqual([]);
  });

  it("as the server, within its answer, breaks the client's off", async () => {
    const { address, ends, failures } = await proxied((_incoming, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setTimeout(() => response.destroy(), 20);
    });
    const answer = await raw(address, post(""));
    expect(answer).toMatch(/content-length: 100\r\n[\s\S]*half$/);
    expect(failures).toEqual(["predictor_broken"]);
    expect(ends).toMatchObject([{ status: 200, failure: "predictor_broken", wholeResponse: false }]);
  });

  it.each([
    ["that has read the request", (socket: { destroy(): void }) => void socket.destroy()],
    ["that answers what is not HTTP", (socket: { write(text: string): void }) => void socket.write("what?\r\n\r\n")],
  ])("as a server %s, is asked once alone", async (_what, ends) => {
    let asked = 0;
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        asked += 1;
        ends(socket);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => server.close());
    const { address, failures } = await proxied(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await raw(address, post(""))).toMatch(/^HTTP\/1\.1 599 [\s\S]*predictor_broken/);
    await delay(50);
    expect([asked, failures]).toEqual([1, ["predictor_broken"]]);
  });

  it("as nobody who listens, is told as that, for a name with several addresses too", async () => {
    const at = await listening(createServer());
    await closing.pop()?.();
    for (const host of [at, at.replace("127.0.0.1", "localhost")]) {
      const { address, failures } = await proxied(host);
      await raw(address, post(""));
      expect(failures).toEqual(["predictor_unavailable"]);
    }
  });

  it("as a server that closes an idle connection, costs the next request nothing", async () => {
    let connections = 0;
    let closed = Promise.withResolvers<void>();
    const server = createServer({ keepAliveTimeout: 5_000 }, (incoming, response) => {
      incoming.resume();
      incoming.socket.once("close", () => closed.resolve());
      response.end("ok", () => setTimeout(() => incoming.socket.destroy(), 10));
    });
    server.on("connection", () => {
      connections += 1;
    });
    const { address, failures } = await proxied(await listening(server));
    for (let turn = 0; turn < 5; turn += 1) {
      closed = Promise.withResolvers();
      expect(await raw(address, post(""))).toMatch(/^HTTP\/1\.1 200 /);
      await closed.promise;
      // The proxy has seen it too, after a turn of the event loop in which connections are looked at.
      for (let loop = 0; loop < 3; loop += 1) await new Promise(setImmediate);
    }
    expect([connections, failures]).toEqual([5, []]);
  });

  it("as a server that answers too late, is told as that", async () => {
    const { address, failures } = await proxied((incoming) => void incoming.resume(), { timeoutMs: 300 });
    expect(await raw(address, post(""))).toMatch(/^HTTP\/1\.1 599 /);
    expect(failures).toEqual(["predictor_timeout"]);
  });
});

describe("a connection", () => {
  it("is kept for the next request", async () => {
    let connections = 0;
    const server = createServer((incoming, response) => void incoming.resume().once("end", () => response.end("ok")));
    server.on("connection", () => {
      connections += 1;
    });
    const { address } = await proxied(await listening(server));
    for (let turn = 0; turn < 5; turn += 1) await raw(address, post(""));
    expect(connections).toBe(1);
  });
});

describe("an answer in pieces", () => {
  it("begins with its head, which waits for no piece, and each piece waits for no other", async () => {
    const pieces: (() => void)[] = [];
    const { address } = await proxied((_incoming, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      for (const piece of ["a", "b"]) pieces.push(() => void response.write(piece));
      pieces.push(() => void response.end());
    });
    const [host = "", port] = address.split(":");
    const asked = request({ host, port, path: "/", method: "POST" }).end("{}");
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    expect(answer.headers["content-type"]).toBe("text/event-stream");
    for (const piece of ["a", "b"]) {
      pieces.shift()?.();
      expect(String((await once(answer, "data"))[0])).toBe(piece);
    }
    pieces.shift()?.();
    await once(answer, "end");
  });

  it("whose client reads a byte now and then, is held back at the server, however long it goes on", async () => {
    let written = 0;
    const event = Buffer.from(`data: ${"x".repeat(1_000)}\n\n`);
    const { address } = await proxied((_incoming, response: ServerResponse) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const more = (): void => {
        do written += event.length;
        while (!response.destroyed && response.write(event));
        response.once("drain", more);
      };
      more();
    });
    const [host = "", port] = address.split(":");
    const client = connect(Number(port), host);
    closing.push(() => client.destroy());
    client.write(post(""));
    await once(client, "readable");
    // Until the sockets' buffers are full: the proxy keeps nothing beside them.
    const read: number[] = [];
    while (read.length < 12 || read.at(-1) !== read.at(-4)) {
      read.push(written);
      expect(client.read(1)).toHaveLength(1);
      await delay(100);
    }
    expect(written).toBeLessThan(24 * mebibyte);
  });
});

describe("a side that is slow", () => {
  /** What the kernel holds between three sockets is less than half of it. */
  const size = 48 * mebibyte;

  it("as the client, holds the server's answer back, and gets it whole", async () => {
    let written = 0;
    const { address } = await proxied(async (_incoming, response: ServerResponse) => {
      response.writeHead(200, { "content-length": size });
      for (; written < size; written += mebibyte) {
        if (!response.write(Buffer.alloc(mebibyte))) await once(response, "drain");
      }
      response.end();
    });
    const [host = "", port] = address.split(":");
    const asked = request({ host, port, path: "/" }).end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    let before = -1;
    while (before !== written) {
      before = written;
      await delay(200);
    }
    expect(written).toBeLessThan(size / 2);
    let got = 0;
    for await (const chunk of answer) got += (chunk as Buffer).length;
    expect(got).toBe(size);
  });

  it("as the server, holds the client's body back, and gets it whole", async () => {
    let go = (): void => {};
    const released = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { address } = await proxied(async (incoming, response) => {
      await released;
      let got = 0;
      for await (const chunk of incoming) got += (chunk as Buffer).length;
      response.end(String(got));
    });
    const [host = "", port] = address.split(":");
    const asked = request({ host, port, path: "/", method: "POST", headers: { "content-length": size } });
    let written = 0;
    const sending = (async () => {
      for (; written < size; written += mebibyte) {
        if (!asked.write(Buffer.alloc(mebibyte))) await once(asked, "drain");
      }
      asked.end();
    })();
    let before = -1;
    while (before !== written) {
      before = written;
      await delay(200);
    }
    expect(written).toBeLessThan(size / 2);
    go();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    expect(await answer.setEncoding("utf8").toArray()).toEqual([String(size)]);
    await sending;
  });
});

describe("a stream", () => {
  it("is never held back: its head goes out before there is a piece, and each piece before there is the next", async () => {
    // The server says the next thing once the client has the last one.
    let next = (): void => {};
    const heard = (): Promise<void> =>
      new Promise((resolve) => {
        next = resolve;
      });
    const { address, ends } = await proxied(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      for (let piece = 0; piece < 50; piece += 1) {
        await heard();
        response.write(`data: ${piece}\n\n`);
      }
      await heard();
      response.end();
    });
    const [host = "", port] = address.split(":");
    const asked = request({ host, port, path: "/" }).end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    const pieces: string[] = [];
    answer.setEncoding("utf8").on("data", (piece: string) => {
      pieces.push(piece);
      next();
    });
    next();
    await once(answer, "end");
    expect(pieces).toEqual(Array.from({ length: 50 }, (_, piece) => `data: ${piece}\n\n`));
    expect(ends).toMatchObject([{ status: 200, failure: null, wholeResponse: true }]);
  });
});

describe("a body without a length", () => {
  it.each([
    [100, 200, "100", 0],
    [101, 599, "", 1],
  ])("of %i bytes, where 100 are allowed, is answered by %i", async (bytes, status, text, exceeded) => {
    let told = 0;
    let respond = (): void => {};
    const dispatcher = new Agent();
    closing.push(() => dispatcher.destroy());
    const origin = `http://${await listening(
      createServer(async (incoming, response) => {
        const chunks = await incoming.toArray().catch(() => []);
        response.end(String(Buffer.concat(chunks as Buffer[]).length));
      }),
    )}`;
    const proxy = createServer((incoming, response) => {
      respond = () => void response.writeHead(599).end();
      const onExceeded = (): void => {
        told += 1;
        respond();
      };
      new Exchange(incoming, response, {
        dispatcher,
        origin,
        bodyLimit: { bytes: 100, onExceeded },
        onFailure: respond,
      }).start();
    });
    const chunk = `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
    const answer = await raw(
      await listening(proxy),
      `POST /x HTTP/1.1\r\nhost: front\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`,
    );
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain(text);
    expect(told).toBe(exceeded);
  });
});
