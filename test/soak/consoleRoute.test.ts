import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RouteApi } from "../../src/domain/serving/route.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/**
 * The console behind a host name of its own, by the way that clusters take: the stack's route, Istio's control plane and its Envoy, which asks
 * for keys of requests to models meanwhile. Once as a VirtualService, once as an HTTPRoute.
 */

const model = "/serving/models/iris/v1/models/model:predict";
let shared: SharedEnvironment;
let committed: string;
let gateway: URL;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  gateway = new URL((await shared.json<{ gateway: string }>("status", "--json")).gateway);
});

afterAll(async () => {
  if (committed !== undefined) {
    await writeFile(shared.stackFile, committed);
    await shared.up();
  }
  await shared?.close();
});

interface Asked {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Sends a request for a host name to the gateway; the answer's body is still on its way. */
async function begun(host: string, path: string, { method = "GET", headers, body }: Asked = {}) {
  const { hostname, port } = gateway;
  const outgoing = request({ hostname, port, path, method, headers: { "user-agent": "a browser", ...headers, host } });
  outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  return answer;
}

async function ask(host: string, path: string, asked?: Asked) {
  const answer = await begun(host, path, asked);
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: await text(answer) };
}

const apis: readonly [RouteApi, string][] = [
  ["istio", "{ keyCheck: { gatewayPods: { istio: ingress } } }"],
  ["gateway-api", "{ keyCheck: {} }"],
];

describe.each(apis)("a console with a host name, by %s", (api, mesh) => {
  // One each, so that no route of the other answers.
  const name = `console.${api}.example`;
  let host: string;

  beforeAll(async () => {
    host = `${name}:${gateway.port}`;
    if (committed !== undefined) await writeFile(shared.stackFile, committed);
    const before = await shared.editStack(
      (stack) =>
        `${stack
          .replace("menagerie:services: { console: {} }", `menagerie:services: { console: { host: ${name} } }`)
          .replace("requireApiKey: false", "requireApiKey: true")
          .trimEnd()}\n  menagerie:gateway: { api: ${api} }\n  menagerie:mesh: ${mesh}\n`,
    );
    committed ??= before;
  });

  test("comes with the stack's next `up`", async () => {
    expect((await ask(host, "/login")).status).toBe(404);
    await shared.up();
    // Routes and policy are on their way to Envoy when `up` ends.
    await expect.poll(async () => (await ask(host, "/login")).status).toBe(200);
    await expect.poll(async () => (await ask("models.example", model, { method: "POST" })).status).toBe(401);
  });

  /** Logs in by a link of `menagerie console --url`, and answers the cookie. */
  async function loggedIn(): Promise<string> {
    const { stdout } = await shared.succeed(...["console", "--url", `http://${host}`, "--role", "viewer", "--no-open"]);
    const link = new URL(stdout.trim());
    expect(link.host).toBe(host);
    const entered = await ask(host, link.pathname + link.search);
    expect([entered.status, entered.headers.location]).toEqual([303, "/"]);
    expect((await ask(host, link.pathname + link.search)).status).toBe(403);
    return cookieOf(entered.headers);
  }

  const cookieOf = ({ "set-cookie": [cookie = ""] = [] }: IncomingMessage["headers"]) => cookie.split(";")[0] ?? "";

  test("answers at this name alone, and asks no reader for a key of a model", async () => {
    expect((await ask(host, "/login")).text).toContain("<h1>Log in</h1>");
    await expect.poll(async () => (await ask("elsewhere.example", "/login")).status).toBe(404);
    const closed = await ask(host, "/environment");
    expect([closed.status, closed.headers.location]).toEqual([303, "/login?next=%2Fenvironment"]);
  });

  test("shows its pages to who follows a link of `menagerie console --url`", async () => {
    const cookie = await loggedIn();
    for (const path of ["/environment", "/rollout/iris", "/activity", "/apps", "/usage", "/releases", "/pools"])
      expect([path, (await ask(host, path, { headers: { cookie } })).status]).toEqual([path, 200]);
    const environment = await ask(host, "/environment", { headers: { cookie } });
    expect(environment.text).toContain("viewer of the environment");
    expect(environment.text).toContain(">multiplier<");
  });

  test("takes its form from its own pages alone", async () => {
    const { key } = await shared.json<{ key: string }>("key", "create", "--role", "inspector", "--json");
    const body = new URLSearchParams({ key, next: "/usage" }).toString();
    const send = (origin: string) =>
      ask(host, "/login", {
        method: "POST",
        headers: { origin, "content-type": "application/x-www-form-urlencoded" },
        body,
      });
    expect((await send("http://elsewhere.example")).status).toBe(403);
    const entered = await send(`http://${host}`);
    expect([entered.status, entered.headers.location]).toEqual([303, "/usage"]);
    const usage = await ask(host, "/usage", { headers: { cookie: cookieOf(entered.headers) } });
    expect(usage.text).toContain("inspector of the environment");
  });

  test("learns from the gateway, and not from the client, how it was reached", async () => {
    const { stdout } = await shared.succeed(...["console", "--url", `http://${host}`, "--role", "viewer", "--no-open"]);
    const link = new URL(stdout.trim());
    const headers = { "x-forwarded-proto": "https" };
    const entered = await ask(host, link.pathname + link.search, { headers });
    expect(entered.headers["set-cookie"]?.[0]).toMatch(
      /^menagerie_console_\d+=[^;]+; Path=\/; HttpOnly; SameSite=Strict$/,
    );
  });

  test("hears of a change through the gateway within 2 s", async () => {
    const cookie = await loggedIn();
    const events = await begun(host, "/events", { headers: { cookie } });
    expect([events.statusCode, events.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    let heard = "";
    let heardAt = 0;
    events.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
      if (heardAt === 0 && heard.includes("event: state")) heardAt = performance.now();
    });
    try {
      await expect.poll(() => heard).toContain("retry:");
      // Its first look is what changes are seen against; other changes of the environment do not come after a look without one.
      await expect.poll(() => heard).toContain("event: counts");
      heard = "";
      heardAt = 0;
      await shared.succeed("key", "create", "--role", "viewer");
      const changedAt = performance.now();
      await expect.poll(() => heard).toContain("event: state");
      console.log(`${api}: heard ${Math.round(heardAt - changedAt)} ms after the command that changed it ended`);
      expect(heardAt - changedAt).toBeLessThan(2_000);
    } finally {
      events.destroy();
    }
  });

  test("answers at a name that the stack no longer has no more", async () => {
    const before = await shared.editStack((stack) => stack.replace(`host: ${name}`, "host: elsewhere.example"));
    await shared.up();
    await expect.poll(async () => (await ask(host, "/login")).status).toBe(404);
    await expect.poll(async () => (await ask("elsewhere.example", "/login")).status).toBe(200);
    await writeFile(shared.stackFile, before);
  });
});
