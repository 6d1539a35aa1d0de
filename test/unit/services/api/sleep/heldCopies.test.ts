import { once } from "node:events";
import { createServer, type OutgoingHttpHeaders, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { pino } from "pino";
import { Agent } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SleepCluster, SleepingService } from "../../../../../src/domain/sleep/ports.ts";
import { createFrontServer } from "../../../../../src/services/api/sleep/frontServer.ts";
import type { Waking } from "../../../../../src/services/api/sleep/waking.ts";

/** Bodies of copies that wait until their shadow answers. */

const mebibyte = 1024 ** 2;
const copies = { ofBody: 2 * mebibyte, ofAll: 3 * mebibyte, used: 0 };
const dispatcher = new Agent();
let shadow: Server;
let front: Server;
let open = (): void => {};
let opened = Promise.resolve();
let isOpen = false;

const service: SleepingService = {
  name: "next-a",
  model: "next",
  role: "shadow",
  idleMinutes: 15,
  isStopped: false,
  recorded: true,
  pool: "cpu",
  createdAt: 0,
};

beforeAll(async () => {
  shadow = createServer(async (incoming, response) => {
    const { length } = await buffer(incoming);
    response.end(`${incoming.method} ${length}`);
  }).listen(0, "127.0.0.1");
  await once(shadow, "listening");
  const unused = (): never => {
    throw new Error("is not asked here");
  };
  const cluster: SleepCluster = {
    isListed: () => true,
    find: () => service,
    services: () => [service],
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
  const originOf = () => `http://127.0.0.1:${(shadow.address() as AddressInfo).port}`;
  const log = pino({ level: "silent" });
  front = createFrontServer({ cluster, waking, originOf, dispatcher, copies, log }, () => service.name);
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
});

afterAll(async () => {
  front?.close();
  shadow?.close();
  await dispatcher.close();
});

/** The shadow answers nothing until `open` is called. */
function close(): void {
  opened = new Promise((resolve) => {
    open = resolve;
  });
}

async function send(method: string, body?: Buffer, headers: OutgoingHttpHeaders = {}): Promise<string> {
  const { port } = front.address() as AddressInfo;
  const sent = request({ host: "127.0.0.1", port, method, path: "/x", agent: false, headers });
  sent.end(body);
  const [response] = await once(sent, "response");
  return `${response.statusCode} ${await buffer(response)}`;
}

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

it("take no memory while their shadow answers", async () => {
  isOpen = true;
  expect(await send("POST", Buffer.alloc(24 * mebibyte))).toBe(`200 POST ${24 * mebibyte}`);
  isOpen = false;
});
