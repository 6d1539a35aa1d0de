import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { Agent } from "undici";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Pointer } from "../../../../src/adapters/postgres/models.ts";
import { keyHash } from "../../../../src/domain/access/apiKey.ts";
import { type CopyEnd, type CopyParts, controlCopies } from "../../../../src/services/api/controlCopies.ts";
import { createMetrics } from "../../../../src/services/api/metrics.ts";
import { createApiServer } from "../../../../src/services/api/server.ts";

/** Requests that the API service copies to a rollout's old version, so that a judge sees both answers. */

const adminKey = "mng_admin_test-key-of-the-stack-that-is-long-enough";
const dispatcher = new Agent({ connections: null });
const servers: Server[] = [];
/** What the old version got, and what it does with it. */
let copied: { readonly method: string; readonly url: string; readonly body: string; readonly id: string }[] = [];
let answerCopy = (response: ServerResponse): void => void response.end("old");
let ends: CopyEnd[] = [];
let control: NonNullable<Pointer["serving"]>["control"];
let originOf: (number: number) => string;

beforeAll(async () => {
  const fresh = await listening(
    createServer(async (request, response) => {
      const body = await text(request);
      response.end(`new ${body.length}`);
    }),
  );
  const old = await listening(
    createServer(async (request, response) => {
      copied.push({ ...told(request), body: await text(request) });
      answerCopy(response);
    }),
  );
  originOf = (number) => (number === 2 ? fresh : old);
});

beforeEach(() => {
  [copied, ends] = [[], []];
  answerCopy = (response) => void response.end("old");
  control = { percent: 100, version: { model: "iris", number: 1, service: "iris-v1", recorded: true } };
});

afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await dispatcher.close();
});

async function listening(server: Server): Promise<string> {
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function told({ method = "", url = "", headers }: IncomingMessage) {
  return { method, url, id: String(headers["x-request-id"]) };
}

/** An API service in front of both versions, of which the second is new. */
async function api(options: Partial<CopyParts> = {}) {
  const metrics = createMetrics({ standings: unread, minute: unread });
  const serving = (number: number) => ({
    versionId: String(number),
    model: "iris",
    number,
    service: `iris-v${number}`,
    recorded: true,
    paths: ["/features"],
    maxTokens: 1,
  });
  const copies = controlCopies({
    dispatcher,
    originOf: ({ number }) => originOf(number),
    load: metrics.versionLoad,
    budget: { ofBody: 1_000_000, ofAll: 2_000_000, used: 0 },
    timeoutMs: 60_000,
    onEnd: (end) => void ends.push(end),
    ...options,
  });
  const pointer = {
    name: "mine",
    organizationId: "3",
    organization: "one",
    limits: {},
    createdAt: 0,
    versioned: true,
  };
  const at = await listening(
    createApiServer({
      access: { required: false, find: async () => undefined, adminKeyHash: keyHash(adminKey) },
      pointer: async (id) => ({ ...pointer, id, isApp: id === "7", serving: { ...serving(2), control } }),
      sides: async () => ({ old: serving(1), new: { ...serving(2), control } }),
      checkDatabase: async () => {},
      originOf: ({ number }) => originOf(number),
      copies,
      predictPath: "/v1/models/model:predict",
      dispatcher,
      metrics,
      count: () => {},
      log: pino({ level: "silent" }),
      maxBodyBytes: 1_500_000,
      timeoutMs: 60_000,
      stopping: () => false,
    }),
  );
  return async (init: RequestInit & { readonly of?: string } = {}): Promise<string> => {
    const answer = await fetch(`${at}/models/${init.of ?? "7/predict"}`, { method: "POST", body: "x", ...init });
    return answer.text();
  };
}

const unread = async (): Promise<never> => {
  throw new Error("nobody asks");
};

/** Waits for the copy of one request more, which comes after those of all requests before it. */
async function lastOf(predict: Awaited<ReturnType<typeof api>>, before: number): Promise<void> {
  await predict({ body: "last" });
  await expect.poll(() => ends.length).toBe(before + 1);
}

describe("a request to the new version", () => {
  it("is copied to the old one with its body, path and id; its client gets the new one's answer", async () => {
    const predict = await api();
    const id = "0b6e8a0c-7c6f-4f4c-9f0a-1d2c3b4a5f6e";
    expect(await predict({ headers: { "x-request-id": id, "x-api-key": adminKey } })).toBe("new 1");
    expect(await predict({ of: "7/features", method: "GET", body: null })).toBe("new 0");
    await expect.poll(() => ends).toEqual(["answered", "answered"]);
    // Nobody waits for a copy, so the second may be there first.
    expect(copied.sort((one, other) => one.method.localeCompare(other.method))).toMatchObject([
      { method: "GET", url: "/features", body: "" },
      { method: "POST", url: "/v1/models/model:predict", body: "x", id },
    ]);
  });

  it("is copied whole where its length is not announced", async () => {
    const predict = await api();
    const body = "y".repeat(300_000);
    expect(await predict({ body: new Blob([body]).stream(), duplex: "half" } as RequestInit)).toBe("new 300000");
    await expect.poll(() => ends).toEqual(["answered"]);
    expect(copied[0]?.body).toBe(body);
  });

  it("is copied as often as the judge's control says", async () => {
    const draws = [0.04, 0.05, 0.99, 0];
    const predict = await api({ random: () => draws.shift() ?? 1 });
    control = control && { ...control, percent: 5 };
    for (const body of ["first", "second", "third", "fourth"]) await predict({ body });
    await expect.poll(() => ends).toEqual(["answered", "answered"]);
    expect(copied.map(({ body }) => body).sort()).toEqual(["first", "fourth"]);
  });

  it("waits for no copy, and too many of them are dropped and counted", async () => {
    const held: ServerResponse[] = [];
    answerCopy = (response) => void held.push(response);
    const predict = await api({ most: 2 });
    for (let each = 0; each < 4; each += 1) expect(await predict()).toBe("new 1");
    await expect.poll(() => held.length).toBe(2);
    expect(ends).toEqual(["dropped", "dropped"]);
    for (const response of held) response.end("late");
    await expect.poll(() => ends).toEqual(["dropped", "dropped", "answered", "answered"]);
    // There is room again.
    answerCopy = (response) => void response.end("old");
    await lastOf(predict, 4);
    expect(copied).toHaveLength(3);
  });

  it("is answered all the same where there is no room for its copy, or the old version is away or breaks off", async () => {
    const budget = { ofBody: 1_000, ofAll: 1_000, used: 0 };
    const predict = await api({ budget });
    expect(await predict({ body: "z".repeat(1_001) })).toBe("new 1001");
    await expect.poll(() => ends).toEqual(["dropped"]);
    answerCopy = (response) => void response.destroy();
    expect(await predict()).toBe("new 1");
    await expect.poll(() => ends).toEqual(["dropped", "failed"]);
    originOf = (
      (known) => (number) =>
        number === 2 ? known(2) : "http://127.0.0.1:1"
    )(originOf);
    expect(await predict()).toBe("new 1");
    await expect.poll(() => ends).toEqual(["dropped", "failed", "failed"]);
    expect(budget.used).toBe(0);
  });
});

describe("no copy is made", () => {
  beforeEach(async () => {
    const old = await listening(
      createServer(async (request, response) => {
        copied.push({ ...told(request), body: await text(request) });
        response.end("old");
      }),
    );
    originOf = (
      (known) => (number) =>
        number === 2 ? known(2) : old
    )(originOf);
  });

  it("of what is one of a batch, chosen by hand, sent again by a comparison, or refused", async () => {
    const budget = { ofBody: 1_000_000, ofAll: 2_000_000, used: 0 };
    const predict = await api({ budget });
    const admin = { "x-api-key": adminKey };
    expect(await predict({ body: "batch", headers: { ...admin, "x-menagerie-purpose": "batch" } })).toBe("new 5");
    const chosen = { ...admin, "x-menagerie-version": "new" };
    expect(await predict({ of: "8/predict", body: "chosen", headers: chosen })).toBe("new 6");
    expect(await predict({ body: "again", headers: { "x-request-id": "menagerie-again-1" } })).toBe("new 5");
    expect(await predict({ body: "refused".repeat(300_000) })).toMatch(/body_too_large/);
    await lastOf(predict, 0);
    expect(copied.map(({ body }) => body)).toEqual(["last"]);
    expect(budget.used).toBe(0);
  });

  it("where the version has no control", async () => {
    const predict = await api();
    const usual = control;
    control = undefined;
    await predict({ body: "without" });
    control = usual;
    await lastOf(predict, 0);
    expect(copied.map(({ body }) => body)).toEqual(["last"]);
  });
});
