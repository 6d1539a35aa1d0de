import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { registryHolds } from "../../../../src/adapters/images/registryImage.ts";
import type { LoginSource, RegistryLogin } from "../../../../src/adapters/images/registryLogins.ts";

const digest = `sha256:${"1".repeat(64)}`;
const manifest = `/v2/truss/iris/manifests/${digest}`;

interface Answer {
  readonly status: number;
  readonly challenge?: string;
  readonly location?: string;
  readonly body?: object;
}

/** A registry until the test is finished: what it answers, and what it was asked. */
async function registryThat(answers: (request: IncomingMessage, body: string) => Answer) {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    const { status, challenge, location, body } = answers(request, await text(request));
    seen.push(`${request.method} ${request.url} ${status}`);
    response.writeHead(status, {
      ...(challenge === undefined ? {} : { "www-authenticate": challenge }),
      ...(location === undefined ? {} : { location }),
    });
    response.end(body && request.method !== "HEAD" ? JSON.stringify(body) : undefined);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, seen, asked: (...sources: LoginSource[]) => registryHolds(`${host}/truss/iris@${digest}`, sources) };
}

const source = (name: string, ...logins: RegistryLogin[]): LoginSource => ({ name, logins: async () => logins });
const ada = { username: "ada", password: "secret:with colon" };
const isAda = ({ headers }: IncomingMessage) =>
  headers.authorization === `Basic ${Buffer.from("ada:secret:with colon").toString("base64")}`;

describe("a registry that everybody may read", () => {
  it("is asked for the manifest by its digest, and for no login", async () => {
    const { seen, asked } = await registryThat(() => ({ status: 200 }));
    const unused = { name: "unused", logins: () => Promise.reject(new Error("asked for")) };
    expect(await asked(unused)).toEqual({ state: "stored" });
    expect(seen).toEqual([`HEAD ${manifest} 200`]);
  });

  it("has none where it says so; what else it answers leaves it open", async () => {
    expect(await (await registryThat(() => ({ status: 404 }))).asked()).toEqual({ state: "gone" });
    const { host, asked } = await registryThat(() => ({ status: 500 }));
    expect(await asked()).toEqual({ state: "unknown", reason: `${host} answers HTTP 500` });
    const elsewhere = await registryThat(() => ({ status: 301, location: "/v2/nothing" }));
    expect(await elsewhere.asked()).toMatchObject({ state: "unknown" });
    // Nothing listens below the ports that programs get.
    expect(await registryHolds(`127.0.0.1:2/iris@${digest}`, [])).toEqual({
      state: "unknown",
      reason: "127.0.0.1:2 does not answer: connect ECONNREFUSED 127.0.0.1:2",
    });
  });
});

describe("a registry that wants a name and a password", () => {
  const wanting = (found: number) =>
    registryThat((request) => (isAda(request) ? { status: found } : { status: 401, challenge: 'Basic realm="ours"' }));

  it.each([
    [200, "stored"],
    [404, "gone"],
  ] as const)("is asked with the first login that it takes: %i is %s", async (status, state) => {
    const { asked, seen } = await wanting(status);
    const other = { username: "eve", password: "x" };
    expect(await asked(source("none"), source("theirs", other), source("ours", ada))).toEqual({ state });
    expect(seen).toEqual([401, 401, status].map((each) => `HEAD ${manifest} ${each}`));
  });

  it("and gets none that it takes leaves it open, and says where it was looked, without what was found", async () => {
    const { host, asked } = await wanting(200);
    const broken = { name: "broken.json", logins: () => Promise.reject(new Error("it is not JSON")) };
    const standing = await asked(source("config.json"), broken, source("Secret s", { ...ada, password: "old" }));
    expect(standing).toEqual({
      state: "unknown",
      reason: `${host} wants a login; config.json has no login for it; broken.json cannot be read (it is not JSON); it refuses that of Secret s (HTTP 401)`,
    });
  });
});

describe("a registry that wants a token", () => {
  const wanting = (
    gives: (request: IncomingMessage, body: string) => string | undefined,
    realm = ({ host }: IncomingMessage["headers"]) => `http://${host}/token`,
  ) =>
    registryThat((request, body) => {
      const url = new URL(request.url ?? "", "http://registry");
      if (url.pathname === "/token") {
        const token = gives(request, body);
        return token === undefined ? { status: 401 } : { status: 200, body: { token } };
      }
      if (request.headers.authorization === "Bearer ours") return { status: 200 };
      if (request.headers.authorization === "Bearer nobody's") return { status: 404 };
      const challenge = `Bearer realm="${realm(request.headers)}",service="registry",scope="repository:truss/iris:pull"`;
      return { status: 401, challenge };
    });
  const scoped = "/token?service=registry&scope=repository%3Atruss%2Firis%3Apull";

  it("gives everybody one is public", async () => {
    const { asked, seen } = await wanting(() => "ours");
    expect(await asked()).toEqual({ state: "stored" });
    expect(seen).toEqual([`HEAD ${manifest} 401`, `GET ${scoped} 200`, `HEAD ${manifest} 200`]);
  });

  it("gives one for a name and a password; what it shows to nobody is not taken to be gone", async () => {
    const { host, asked } = await wanting((request) => (isAda(request) ? "ours" : "nobody's"));
    expect(await asked()).toEqual({ state: "unknown", reason: `${host} wants a login` });
    expect(await asked(source("config.json", ada))).toEqual({ state: "stored" });
  });

  it("gives one for an identity token", async () => {
    const { asked } = await wanting((request, body) => {
      const form = new URLSearchParams(body);
      const right = request.method === "POST" && form.get("refresh_token") === "identity";
      return right && form.get("scope") === "repository:truss/iris:pull" ? "ours" : undefined;
    });
    const login = { username: "", password: "", identityToken: "identity" };
    expect(await asked(source("config.json", login))).toEqual({ state: "stored" });
  });

  it("gets no password where it would be sent in the clear to another machine", async () => {
    const sent: unknown[] = [];
    const gives = ({ headers }: IncomingMessage) => {
      sent.push(headers.authorization);
      return "nobody's";
    };
    const elsewhere = ({ host = "" }) => host.replace("127.0.0.1", "0.0.0.0");
    const { host, asked } = await wanting(gives, (headers) => `http://${elsewhere(headers)}/token`);
    expect(await asked(source("config.json", ada))).toEqual({
      state: "unknown",
      reason: `${host} wants logins to be sent to ${elsewhere({ host })} without encryption, so none was`,
    });
    expect(sent).toEqual([undefined]);
  });
});
