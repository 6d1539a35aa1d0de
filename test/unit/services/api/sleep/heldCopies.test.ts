import { once } from "node:events";
import { createServer, type OutgoingHttpHeaders, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { pino } from "pino";
import { Agent } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SleepCluster, SleepingService } from "../../../../../src/domain/sleep/ports.ts";
import { ApiError } from "../../../../../src/services/api/apiError.ts";
import { createCopiesServer, createFrontServer } from "../../../../../src/services/api/sleep/frontServer.ts";
import type { Waking } from "../../../../../src/services/api/sleep/waking.ts";

/** Bodies of copies that wait until what they are for answers: a shadow, or a version of a rollout. */

const mebibyte = 1024 ** 2;
const copies = { ofBody: 2 * mebibyte, ofAll: 3 * mebibyte, used: 0 };
const dispatcher = new Agent();
let model: Server;
/** What the model was asked with, of the names that routes give. */
let named: (string | undefined)[] = [];
const lines: string[] = [];
let open = (): void => {};
let opened = Promise.resolve();
let isOpen = false;

const copied: SleepingService = {
  name: "next-a",
  model: "next",
  role: "shadow",
  idleMinutes: 15,
  isStopped: false,
  recorded: true,
  pool: "cpu",
  createdAt: 0,
};
const old: SleepingService = { ...copied, name: "iris-v1", model: "iris", role: "version" };
const services = [copied, old, { ...old, name: "iris-v2" }];
/** By what copies are for: a shadow has a port of its own, a version of a rollout is named by the route. */
const fronts = new Map<string, { readonly server: Server; readonly headers: OutgoingHttpHeaders }>();
const kinds = ["a shadow", "a version of a rollout"] as const;

beforeAll(async () => {
  model = createServer(async (incoming, response) => {
    named = ["x-menagerie-version", "x-menagerie-copied-to"].map((name) => incoming.headers[name]?.toString());
    const { length } = await buffer(incoming);
    response.end(`${incoming.method} ${length}`);
  }).listen(0, "127.0.0.1");
  await once(model, "listening");
  const unused = (): never => {
    throw new Error("is not asked here");
  };
  const cluster: SleepCluster = {
    isListed: () => true,
    find: (name) => services.find((each) => each.name === name),
    services: () => services,
    pods: () => [],
    readyPods: () => [],
    hindrance: unused,
    changed: unused,
    setStopped: unused,
  };
  const waking: Waking = {
    isOpen: () => isOpen,
    during: async (_, __, work) => work(() => opened),
    keep: unused,
    answered: unused,
    wake: unused,
    renew: unused,
    end: unused,
  };
  const originOf = () => `http://127.0.0.1:${(model.address() as AddressInfo).port}`;
  const log = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
  const parts = { cluster, waking, originOf, dispatcher, copies, log };
  fronts.set("a shadow", { server: createFrontServer(parts, () => copied.name), headers: {} });
  fronts.set("a version of a rollout", {
    server: createCopiesServer(parts),
    headers: { "x-menagerie-version": "iris-v2", "x-menagerie-copied-to": old.name },
  });
  for (const { server } of fronts.values()) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
});

afterAll(async () => {
  for (const { server } of fronts.values()) server.close();
  model?.close();
  await dispatcher.close();
});

/** What copies are for answers nothing until `open` is called. */
function close(): void {
  opened = new Promise((resolve) => {
    open = resolve;
  });
}

async function sendTo(
  kind: (typeof kinds)[number],
  method: string,
  { body, headers }: { readonly body?: Buffer | undefined; readonly headers?: OutgoingHttpHeaders | undefined } = {},
): Promise<string> {
  const front = fronts.get(kind);
  if (!front) throw new Error(`nothing listens for ${kind}`);
  const { port } = front.server.address() as AddressInfo;
  const all = { ...front.headers, ...headers };
  const sent = request({ host: "127.0.0.1", port, method, path: "/x", agent: false, headers: all });
  sent.end(body);
  const [response] = await once(sent, "response");
  return `${response.statusCode} ${await buffer(response)}`;
}

describe.each(kinds)("copies for %s", (kind) => {
  const send = (method: string, body?: Buffer, headers?: OutgoingHttpHeaders) =>
    sendTo(kind, method, { body, headers });

  it("are read while they wait, whether their length is known or not, and come whole", async () => {
    close();
    const answers = [
      send("POST", Buffer.alloc(mebibyte)),
      send("POST", Buffer.alloc(mebibyte + 1), { "transfer-encoding": "chunked" }),
      send("POST", Buffer.alloc(0), { "content-length": "0" }),
      send("GET"),
    ];
    await expect.poll(() => copies.used, { timeout: 20_000 }).toBe(2 * mebibyte + 1);
    open();
    expect(await Promise.all(answers)).toEqual([
      `200 POST ${mebibyte}`,
      `200 POST ${mebibyte + 1}`,
      "200 POST 0",
      "200 GET 0",
    ]);
    expect(copies.used).toBe(0);
  });

  it("have a bound for each and for all: what is beyond is read and dropped at once", async () => {
    close();
    expect(await send("POST", Buffer.alloc(24 * mebibyte))).toMatch(/^503 .*no room for a copy that waits/);
    const kept = send("POST", Buffer.alloc(2 * mebibyte));
    await expect.poll(() => copies.used, { timeout: 20_000 }).toBe(2 * mebibyte);
    expect(await send("POST", Buffer.alloc(2 * mebibyte))).toMatch(/^503 /);
    open();
    expect(await kept).toBe(`200 POST ${2 * mebibyte}`);
    expect(copies.used).toBe(0);
  });

  it("take no memory while it answers", async () => {
    isOpen = true;
    expect(await send("POST", Buffer.alloc(24 * mebibyte))).toBe(`200 POST ${24 * mebibyte}`);
    isOpen = false;
  });

  it("come without what routes say to this service, and nobody logs one that is lost", async () => {
    isOpen = true;
    expect(await send("GET", undefined, {})).toBe("200 GET 0");
    expect(named).toEqual([undefined, undefined]);
    opened = Promise.reject(new ApiError("model_unavailable", "it does not start"));
    opened.catch(() => {});
    expect(await send("GET")).toMatch(/^503 /);
    expect(lines).toEqual([]);
    isOpen = false;
    opened = Promise.resolve();
  });
});

it("a copy that names no version is for nobody, whatever version its request is for", async () => {
  const headers = { "x-menagerie-copied-to": "", "x-menagerie-version": "iris-v1", host: "iris-v1-activator" };
  expect(await sendTo("a version of a rollout", "GET", { headers })).toMatch(/^404 /);
});
