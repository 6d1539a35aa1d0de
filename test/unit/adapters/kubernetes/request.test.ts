import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, describe, expect, it } from "vitest";
import { requestJson } from "../../../../src/adapters/kubernetes/request.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that answers one after another of these, the last one ever after, and the requests that it got. */
async function answering(...answers: readonly { status: number; retryAfter?: string }[]) {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { status = 500, retryAfter } = answers[Math.min(bodies.length, answers.length - 1)] ?? {};
    bodies.push(body);
    response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter });
    response.end(JSON.stringify(status === 200 ? { kind: "Made" } : { reason: "Busy", message: "not now" }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "c", server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true },
    { name: "u" },
  );
  return { config, bodies };
}

describe("a request to the API server", () => {
  it("is sent again, whole, when it was too busy to take it", async () => {
    const { config, bodies } = await answering({ status: 429, retryAfter: "0" }, { status: 200 });
    expect(await requestJson(config, "POST", "/made", { body: { a: 1 } })).toEqual({ kind: "Made" });
    expect(bodies).toEqual(['{"a":1}', '{"a":1}']);
  });

  it("fails with the server's words when it stays busy, and at once when it does not say until when", async () => {
    const busy = await answering({ status: 429, retryAfter: "0" });
    await expect(requestJson(busy.config, "GET", "/x")).rejects.toMatchObject({ code: 429, message: "not now" });
    expect(busy.bodies).toHaveLength(11);
    const mute = await answering({ status: 429 });
    await expect(requestJson(mute.config, "GET", "/x")).rejects.toMatchObject({ code: 429 });
    expect(mute.bodies).toHaveLength(1);
  });

  it("does not wait longer than its caller", async () => {
    const { config } = await answering({ status: 429, retryAfter: "60" });
    const signal = AbortSignal.timeout(50);
    await expect(requestJson(config, "GET", "/x", { signal })).rejects.toThrow(/abort|timeout/i);
  });
});
