import { describe, expect, it } from "vitest";
import { changeFeed } from "../../../../src/services/console/changes.ts";
import { cookieName, sessionCookie, sessionIn } from "../../../../src/services/console/cookies.ts";
import { isOwnForm, isTokenOf, tokenOf } from "../../../../src/services/console/sameSite.ts";

const id = "x".repeat(43);

describe("a form", () => {
  it.each<[boolean, Record<string, string>]>([
    [true, { "sec-fetch-site": "same-origin", origin: "null", host: "a" }],
    [false, { "sec-fetch-site": "same-site", origin: "http://a", host: "a" }],
    [false, { "sec-fetch-site": "cross-site", origin: "http://a", host: "a" }],
    [false, { "sec-fetch-site": "none", host: "a" }],
    [true, { origin: "http://a:8080", host: "a:8080" }],
    [false, { origin: "http://a:8081", host: "a:8080" }],
    [false, { origin: "null", host: "a" }],
    [false, { host: "a" }],
  ])("is the console's own: %s by %j", (isOwn, headers) => {
    expect(isOwnForm({ headers })).toBe(isOwn);
  });

  it("carries a token of its session alone, which does not hold the session's id", () => {
    expect(isTokenOf(id, tokenOf(id))).toBe(true);
    expect(isTokenOf(id, tokenOf("y".repeat(43)))).toBe(false);
    expect(isTokenOf(id, "")).toBe(false);
    expect(tokenOf(id)).not.toContain("xx");
  });
});

describe("a session's cookie", () => {
  const request = (headers: Readonly<Record<string, string | undefined>>) => ({ headers });

  it("is found among others, and nothing else is taken for one", () => {
    const found = (cookie?: string) => sessionIn(request({ cookie, host: "console", "user-agent": "Browser/1" }));
    expect(found(`a=b; menagerie_console=${id}; c=d`)).toEqual({ id, browser: "Browser/1" });
    expect(found(`menagerie_console=${id}x`)).toBeUndefined();
    expect(found("menagerie_console=")).toBeUndefined();
    expect(found(undefined)).toBeUndefined();
  });

  it("is that of one port of its host, and by HTTPS no other host of the domain can set it", () => {
    expect(cookieName(request({ host: "127.0.0.1:18083" }))).toBe("menagerie_console_18083");
    expect(sessionIn(request({ host: "a:2", cookie: `menagerie_console_1=${id}` }))).toBeUndefined();
    const secure = request({ host: "console.example.com", "x-forwarded-proto": "https" });
    expect(sessionCookie(id, secure)).toBe(`__Host-menagerie_console=${id}; Path=/; HttpOnly; SameSite=Strict; Secure`);
    expect(sessionIn(request({ ...secure.headers, cookie: `menagerie_console=${id}` }))).toBeUndefined();
  });

  it("is taken away at the end", () => {
    expect(sessionCookie(undefined, request({ host: "a" }))).toBe(
      "menagerie_console=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
    );
  });
});

describe("changes", () => {
  it("are asked about while somebody listens, and told to everybody", async () => {
    let mark = "a";
    let asked = 0;
    const feed = changeFeed(
      async () => {
        asked += 1;
        if (asked === 2) throw new Error("away");
        return mark;
      },
      () => undefined,
    );
    expect(asked).toBe(0);
    const heard: string[] = [];
    const stops = [
      feed.listen((change) => heard.push(`1 ${change}`)),
      feed.listen((change) => heard.push(`2 ${change}`)),
    ];
    await expect.poll(() => asked).toBeGreaterThan(2);
    expect(heard).toEqual([]);
    mark = "b";
    await expect.poll(() => heard).toEqual(["1 state", "2 state"]);
    for (const stop of stops) stop();
    expect(feed.listeners).toBe(0);
  });
});
