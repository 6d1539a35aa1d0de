import { afterEach, describe, expect, it } from "vitest";
import { allows, keyRoles } from "../../../../src/domain/access/roles.ts";
import { sections } from "../../../../src/domain/console/frame.ts";
import { type ConsoleReads, TooMuch } from "../../../../src/domain/console/ports.ts";
import {
  emptyReads,
  manyModels,
  type PlayedConsole,
  playConsole,
  playedReads,
} from "../../../support/playedConsole.ts";

/** The console's server over data that is played, as a client asks it that has a session. */

let served: PlayedConsole | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

async function open(reads: ConsoleReads, organization: { id: string; name: string } | null = null) {
  const own = await playConsole(reads, { organization });
  served = own;
  const get = (path: string, headers: Readonly<Record<string, string>> = { cookie: own.cookie }) =>
    fetch(own.url + path, { redirect: "manual", headers });
  return { ...own, get };
}

it("leads whoever has no session to the form, and back to where they were going", async () => {
  const { get } = await open(emptyReads);
  const answer = await get("/activity?before=x", {});
  expect(answer.status).toBe(303);
  expect(answer.headers.get("location")).toBe("/login?next=%2Factivity%3Fbefore%3Dx");
  const form = await (await get("/login?next=%2Factivity%3Fbefore%3Dx", {})).text();
  expect(form).toContain('name="next" value="/activity?before=x"');
  for (const elsewhere of [
    "//elsewhere.example",
    "https://elsewhere.example",
    "/\\elsewhere.example",
    "javascript:x",
  ]) {
    const page = await (await get(`/login?${new URLSearchParams({ next: elsewhere })}`, {})).text();
    expect(page).toContain('name="next" value="/"');
  }
  expect((await get("/events", {})).status).toBe(401);
  expect((await get("/healthz", {})).status).toBe(200);
});

it("begins with the first page that somebody may see", async () => {
  expect((await (await open(emptyReads)).get("/")).headers.get("location")).toBe("/environment");
  await served?.stop();
  const ofOne = await open(emptyReads, { id: "7", name: "acme" });
  expect((await ofOne.get("/")).headers.get("location")).toBe("/apps");
});

it("shows every section with data and without, and nothing of the environment to an organization", async () => {
  for (const reads of [emptyReads, playedReads()]) {
    const { get } = await open(reads);
    for (const { path } of sections) expect([path, (await get(path)).status]).toEqual([path, 200]);
    await served?.stop();
  }
  const asked: (string | undefined)[] = [];
  const { get } = await open(
    {
      ...playedReads(),
      apps: async ({ organizationId }) => {
        asked.push(organizationId);
        return [];
      },
      usage: async ({ organizationId }) => {
        asked.push(organizationId);
        return [];
      },
      organizationUsage: async ({ organizationId }) => {
        asked.push(organizationId);
        return [{ name: "acme", requests: 0, tokensIn: 0, tokensOut: 0, days: {} }];
      },
    },
    { id: "7", name: "acme" },
  );
  for (const { path, ofOrganization } of sections)
    expect([path, (await get(path)).status]).toEqual([path, ofOrganization ? 200 : 403]);
  expect((await get("/rollout/embedder")).status).toBe(403);
  expect(asked).toEqual(["7", "7", "7"]);
  const usage = await (await get("/usage")).text();
  expect(usage).toContain("600 requests/min");
  expect(usage).not.toContain("globex");
});

describe("a page with bodies or code", () => {
  const paths = ["/development/31/2/3", "/shadow/chat/bold/pairs"];

  it("is for roles that may see it, is noted each time, and does not load itself", async () => {
    for (const path of paths) {
      for (const role of ["viewer", "inspector", "operator"] as const) {
        const own = await playConsole(playedReads(), { role });
        const answer = await fetch(own.url + path, { headers: { cookie: own.cookie } });
        const text = await answer.text();
        expect([path, role, answer.status]).toEqual([path, role, role === "viewer" ? 403 : 200]);
        expect(own.noted).toHaveLength(role === "viewer" ? 0 : 1);
        if (role !== "viewer") expect(text).not.toContain("<script");
        await own.stop();
      }
    }
  });

  it("is nothing where nothing is there", async () => {
    const own = await playConsole(playedReads(), { role: "inspector" });
    served = own;
    const get = (path: string) => fetch(own.url + path, { headers: { cookie: own.cookie } });
    for (const path of [
      "/development/99",
      "/development/x",
      "/development/31/2/9",
      "/development/31/2",
      "/development/31/2/3/4",
      "/shadow/nobody/bold",
      "/shadow/chat/nobody",
      "/shadow/chat",
      "/shadow/chat/bold/other",
      "/shadow/constructor/bold",
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
  });

  it("is noted before anything of it is read", async () => {
    const own = await playConsole(
      {
        ...playedReads(),
        comparedPairs: async () => {
          throw new TooMuch("too many");
        },
      },
      { role: "inspector" },
    );
    served = own;
    const page = await fetch(`${own.url}/shadow/chat/bold/pairs?since=7d`, { headers: { cookie: own.cookie } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("Choose a shorter time");
    expect(own.noted).toEqual([{ page: "shadow", deployment: "chat", shadow: "bold", since: "7d" }]);
  });
});

it("shows bodies to whom a role lets see them, as text", async () => {
  const path = "/recorded/recorded_iris/2026-11-30/7b0c1d2e/1";
  for (const role of keyRoles) {
    served = await playConsole(playedReads(), { role });
    const { url, cookie } = served;
    const list = await (await fetch(`${url}/recorded/recorded_iris`, { headers: { cookie } })).text();
    expect(list.includes(`href="${path}"`)).toBe(allows(role, "bodies"));
    const answer = await fetch(url + path, { headers: { cookie } });
    expect([role, answer.status]).toEqual([role, allows(role, "bodies") ? 200 : 403]);
    const text = await answer.text();
    expect(text.includes("&#60;b&#62;hello")).toBe(allows(role, "bodies"));
    expect(text).not.toContain("<b>hello");
    await served.stop();
  }
});

it("lets a browser load and run nothing but the console's own", async () => {
  const { get } = await open(playedReads());
  const answer = await get("/environment");
  expect(answer.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'self'; script-src 'self';/,
  );
  const text = await answer.text();
  const loaded = [...text.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, to]) => to ?? "");
  expect(loaded.filter((to) => !/^(?:\/|#|data:,)/.test(to))).toEqual([]);
  const assets = loaded.filter((to) => to.startsWith("/assets/"));
  expect(assets).toHaveLength(2);
  for (const asset of assets) {
    const { status, headers } = await get(asset, {});
    expect([status, headers.get("cache-control")]).toEqual([200, "public, max-age=31536000, immutable"]);
  }
  expect(answer.headers.get("cache-control")).toBe("no-store");
});

it("takes no form of another page, and none without the session's token", async () => {
  const { url, cookie } = await open(emptyReads);
  const post = (path: string, headers: Readonly<Record<string, string>>, form: Readonly<Record<string, string>> = {}) =>
    fetch(url + path, {
      method: "POST",
      redirect: "manual",
      headers: { cookie, ...headers },
      body: new URLSearchParams(form),
    });
  expect((await post("/logout", { origin: url })).status).toBe(403);
  expect((await post("/logout", { origin: "http://elsewhere.example" }, { token: "x" })).status).toBe(403);
  expect((await post("/login", { "sec-fetch-site": "cross-site" }, { key: "x" })).status).toBe(403);
  expect((await post("/login", { origin: url }, { key: "x".repeat(5_000) })).status).toBe(413);
  const text = await (await fetch(`${url}/apps`, { headers: { cookie } })).text();
  const token = /name="token" value="([^"]+)"/.exec(text)?.[1] ?? "";
  const out = await post("/logout", { origin: url }, { token });
  expect([out.status, out.headers.get("location")]).toEqual([303, "/login"]);
  expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
});

describe("a page that cannot be made", () => {
  it("says why in a sentence, and never what the error held", async () => {
    const secret = "postgresql://user:password@db";
    const { get } = await open({ ...emptyReads, releases: () => Promise.reject(new Error(secret)) });
    const failed = await get("/releases");
    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain("password");
    expect((await get("/nothing")).status).toBe(404);
    expect((await get("/environment/x")).status).toBe(404);
    expect((await get("/rollout/%E0%A4%A")).status).toBe(404);
  });

  it("is shown without what the cluster would say", async () => {
    const { get } = await open({ ...playedReads(), served: () => Promise.reject(new Error("away")) });
    const page = await get("/environment");
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("The cluster cannot be asked now");
  });
});

it("shows a thousand models by pages, and finds one", async () => {
  const { get } = await open(manyModels(1_000));
  const first = await (await get("/environment")).text();
  expect([...first.matchAll(/<article /g)]).toHaveLength(24);
  expect(first).toContain("Page 1 of 42");
  const last = await (await get("/environment?page=42")).text();
  expect(last).toContain("helper");
  const found = await (await get("/environment?q=model-0777")).text();
  expect([...found.matchAll(/<article /g)]).toHaveLength(1);
});

it("tells open pages of a change, and of the end of their session", async () => {
  const { get, change, endSession } = await open(emptyReads);
  const events = (await get("/events")).body?.pipeThrough(new TextDecoderStream()).getReader();
  let heard = "";
  const hears = async (event: string): Promise<void> => {
    while (!heard.includes(`event: ${event}\n`)) heard += (await events?.read())?.value ?? "";
  };
  await hears("counts");
  change(playedReads());
  await hears("state");
  endSession();
  await hears("ended");
  expect((await get("/environment")).status).toBe(303);
});
