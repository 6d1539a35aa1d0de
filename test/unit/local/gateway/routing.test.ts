import { describe, expect, it } from "vitest";
import { compileRegex, compileSubstitution } from "../../../../src/local/gateway/pattern.ts";
import type { RouteAction } from "../../../../src/local/gateway/routeAction.ts";
import { buildRouteTable, chooseDestination, decide } from "../../../../src/local/gateway/routing.ts";
import type { HttpRoute, VirtualService } from "../../../../src/local/gateway/virtualService.ts";

function virtualService(
  name: string,
  http: HttpRoute[],
  more: { hosts?: string[]; gateways?: string[]; age?: number } = {},
) {
  const { hosts = ["*"], gateways = ["menagerie/gateway"], age = 0 } = more;
  return {
    metadata: { name, namespace: "zoo", creationTimestamp: new Date(1e12 - age * 1_000).toISOString() },
    spec: { hosts, gateways, http },
  } as unknown as VirtualService;
}

function to(host: string, more: Omit<HttpRoute, "route"> = {}): HttpRoute {
  return { route: [{ destination: { host, port: { number: 80 } } }], ...more };
}

interface Asked {
  method?: string;
  host?: string;
  headers?: Record<string, string>;
}

/** The first destination's host and the path sent to it, or why there is none. */
function ask(services: VirtualService[], target: string, { method = "GET", host = "gw", headers = {} }: Asked = {}) {
  const decision = decide(buildRouteTable(services), { method, target, host, headers });
  if (!("route" in decision)) return `no ${decision.reason}`;
  const { action } = decision.route;
  if (action.kind !== "forward") return action.kind;
  const { path, query } = decision.target;
  return `${action.destinations[0]?.host.split(".")[0]} ${(action.rewritePath?.(path) ?? path) + query}`;
}

function actionOf(route: HttpRoute): RouteAction {
  const decision = decide(buildRouteTable([virtualService("it", [route])]), {
    method: "GET",
    target: "/a/b?c=d",
    host: "gw:8080",
    headers: {},
  });
  if (!("route" in decision)) throw new Error("no route");
  return decision.route.action;
}

describe("which VirtualServices count", () => {
  it("leaves out those for the mesh alone, which an absent list means too", () => {
    const mesh = virtualService("mesh", [to("mesh")], { gateways: ["mesh"] });
    const absent = { ...virtualService("absent", [to("absent")]) };
    const without = { ...absent, spec: { hosts: ["*"], http: [to("absent")] } } as VirtualService;
    expect(ask([mesh, without], "/")).toBe("no host");
    expect(ask([virtualService("both", [to("both")], { gateways: ["mesh", "menagerie/gateway"] })], "/")).toBe(
      "both /",
    );
  });

  it("asks the older first where hosts are the same, in whatever order they are listed", () => {
    const old = virtualService("z", [to("old", { match: [{ uri: { prefix: "/x" } }] })], { age: 10 });
    const young = virtualService("a", [to("young", { match: [{ uri: { prefix: "/" } }] })]);
    expect(ask([young, old], "/x")).toBe("old /x");
    expect(ask([old, young], "/x")).toBe("old /x");
    expect(ask([old, young], "/y")).toBe("young /y");
  });

  it("puts rules that take everything behind the others of their host", () => {
    const all = virtualService("all", [to("all")], { age: 10 });
    const one = virtualService("one", [to("one", { match: [{ uri: { exact: "/one" } }] })]);
    expect(ask([all, one], "/one")).toBe("one /one");
    expect(ask([all, one], "/two")).toBe("all /two");
  });
});

describe("hosts", () => {
  const services = [
    virtualService("exact", [to("exact")], { hosts: ["iris.example.com"] }),
    virtualService("long", [to("long")], { hosts: ["*.a.example.com"] }),
    virtualService("short", [to("short")], { hosts: ["*.example.com"] }),
    virtualService("any", [to("any")]),
  ];
  it.each([
    ["iris.example.com", "exact /"],
    ["IRIS.example.com:8080", "exact /"],
    ["x.a.example.com", "long /"],
    ["x.example.com", "short /"],
    ["example.com", "any /"],
    ["", "any /"],
  ])("%s goes to %s", (host, expected) => expect(ask(services, "/", { host })).toBe(expected));

  it("does not go on to a less specific host when the path does not match", () => {
    const exact = virtualService("exact", [to("exact", { match: [{ uri: { exact: "/only" } }] })], { hosts: ["h"] });
    expect(ask([exact, virtualService("any", [to("any")])], "/other", { host: "h" })).toBe("no path");
  });
});

describe("matches", () => {
  const matches = (match: NonNullable<HttpRoute["match"]>[number], target: string, asked: Asked = {}): boolean =>
    ask([virtualService("m", [to("m", { match: [match] })])], target, asked).startsWith("m ");

  it.each([
    [{ uri: { exact: "/a" } }, "/a?x=1", true],
    [{ uri: { exact: "/a" } }, "/a/", false],
    [{ uri: { prefix: "/a" } }, "/abc", true],
    [{ uri: { prefix: "/A" } }, "/abc", false],
    [{ uri: { prefix: "/A" }, ignoreUriCase: true }, "/abc", true],
    [{ uri: { regex: "/v[0-9]+" } }, "/v12", true],
    [{ uri: { regex: "/v[0-9]+" } }, "/v12/more", false],
    [{ uri: { regex: "a|/b" } }, "/b", true],
    [{ uri: { regex: "(?i)/ABC" } }, "/abc", true],
    [{ queryParams: { v: { exact: "1" } } }, "/?v=1", true],
    [{ queryParams: { v: { exact: "1" } } }, "/?v=2", false],
    [{ queryParams: { v: { exact: "1" } } }, "/", false],
  ])("%j and %s: %s", (match, target, expected) => expect(matches(match, target)).toBe(expected));

  it("holds method and headers to their patterns, all of them at once", () => {
    const match = { method: { exact: "POST" }, headers: { "X-Tier": { prefix: "go" }, "x-any": {} } };
    const headers = { "x-tier": "gold", "x-any": "" };
    expect(matches(match, "/", { method: "POST", headers })).toBe(true);
    expect(matches(match, "/", { method: "GET", headers })).toBe(false);
    expect(matches(match, "/", { method: "POST", headers: { "x-tier": "gold" } })).toBe(false);
    expect(matches({ withoutHeaders: { "x-tier": {} } }, "/", { headers })).toBe(false);
    expect(matches({ withoutHeaders: { "x-tier": {} } }, "/")).toBe(true);
  });

  it("takes a rule when any of its matches holds, and skips matches for the mesh", () => {
    const rule = to("m", { match: [{ uri: { exact: "/a" } }, { uri: { exact: "/b" } }] });
    expect(ask([virtualService("m", [rule])], "/b")).toBe("m /b");
    const mesh = to("m", { match: [{ uri: { exact: "/a" }, gateways: ["mesh"] }] });
    expect(ask([virtualService("m", [mesh])], "/a")).toBe("no path");
  });

  it("takes the first rule that matches", () => {
    const rules = [
      to("one", { match: [{ uri: { prefix: "/a" } }] }),
      to("two", { match: [{ uri: { prefix: "/a/b" } }] }),
    ];
    expect(ask([virtualService("m", rules)], "/a/b")).toBe("one /a/b");
  });
});

describe("rewrites", () => {
  it.each([
    [
      { prefix: "/serving/zoo/iris/" },
      "/serving/zoo/iris/v1/models/model:predict?x=1",
      "/",
      "/v1/models/model:predict?x=1",
    ],
    [{ prefix: "/serving" }, "/serving/x", "/", "//x"],
    [{ exact: "/one" }, "/one?q", "/two", "/two?q"],
    [{ regex: "/v.*" }, "/v1/x", "/all", "/all"],
    [undefined, "/b", "/a/", "/a/b"],
  ])("of %j: %s with %s is %s", (uri, target, rewrite, expected) => {
    const rule = to("m", { rewrite: { uri: rewrite }, ...(uri ? { match: [{ uri }] } : {}) });
    expect(ask([virtualService("m", [rule])], target)).toBe(`m ${expected}`);
  });

  it("substitutes by regular expression", () => {
    const rule = to("m", {
      rewrite: { uriRegexRewrite: { match: "^/serving/([^/]+)/([^/]+)/", rewrite: "/\\2/$1/" } },
    });
    expect(ask([virtualService("m", [rule])], "/serving/zoo/iris/x?y")).toBe("m /iris/$1/x?y");
  });
});

describe("actions", () => {
  it("completes short names by the namespace, and takes port 80 where none is named", () => {
    expect(actionOf({ route: [{ destination: { host: "iris" } }] })).toMatchObject({
      destinations: [{ host: "iris.zoo.svc.cluster.local", port: 80, weight: 1 }],
    });
  });

  it("spreads by weight, and gives nothing to a destination without one", () => {
    const action = actionOf({
      route: [
        { destination: { host: "a" }, weight: 90 },
        { destination: { host: "b" }, weight: 10 },
        { destination: { host: "c" } },
      ],
    });
    if (action.kind !== "forward") throw new Error("not a forward");
    const chosen = (value: number) => chooseDestination(action.destinations, () => value).host.charAt(0);
    expect([0, 0.899, 0.9, 0.9999].map(chosen)).toEqual(["a", "a", "b", "b"]);
  });

  it("mirrors all by default, a share where one is named, and nothing at zero", () => {
    const destination = { host: "shadow" };
    expect(
      actionOf(
        to("a", {
          mirror: destination,
          mirrors: [
            { destination, percentage: { value: 12.5 } },
            { destination, percentage: {} },
          ],
        }),
      ),
    ).toMatchObject({ mirrors: [{ percentage: 100 }, { percentage: 12.5 }] });
  });

  it("reads timeouts and retries", () => {
    expect(actionOf(to("a", { timeout: "1m1.5s", retries: { attempts: 2 } }))).toMatchObject({
      timeout: 61_500,
      connectAttempts: 3,
    });
    expect(actionOf(to("a", { timeout: "0s" }))).not.toHaveProperty("timeout");
  });

  it.each([
    [{ uri: "/new" }, "http://gw:8080/new?c=d"],
    [{ authority: "other", scheme: "https" }, "https://other/a/b?c=d"],
    [{ port: 8443, scheme: "https" }, "https://gw:8443/a/b?c=d"],
    [{ port: 80 }, "http://gw/a/b?c=d"],
  ])("redirects by %j to %s", (redirect, location) => {
    const action = actionOf({ redirect });
    if (action.kind !== "redirect") throw new Error("not a redirect");
    const request = { method: "GET", target: "/a/b?c=d", host: "gw:8080", headers: {} };
    expect(action.location(request, { path: "/a/b", query: "?c=d" })).toBe(location);
  });
});

describe("rules that cannot be followed", () => {
  it("are left out with a sentence, while the others work", () => {
    const bad = to("bad", { match: [{ uri: { regex: "(?=x)" } }] });
    const table = buildRouteTable([virtualService("m", [bad, to("good")])]);
    expect(table.problems).toEqual([
      'VirtualService zoo/m, http[0] is left out: regex "(?=x)" uses look-around, which RE2 does not have',
    ]);
    expect(ask([virtualService("m", [bad, to("good")])], "/x")).toBe("good /x");
  });

  it("say so when a field is ignored", () => {
    expect(buildRouteTable([virtualService("m", [to("a", { fault: {} })])]).problems).toEqual([
      "VirtualService zoo/m, http[0]: fault is not supported and ignored",
    ]);
  });
});

describe("RE2 patterns", () => {
  it("translates named groups, \\A and \\z, and keeps escaped backslashes", () => {
    expect(compileRegex("\\A(?P<v>a)\\z", { wholeValue: false }).exec("a")?.groups).toEqual({ v: "a" });
    expect(compileRegex("\\\\1", { wholeValue: true }).test("\\1")).toBe(true);
  });
  it.each(["(a)\\1", "(?<!a)b", "\\pL", "("])("refuses %s", (pattern) =>
    expect(() => compileRegex(pattern, { wholeValue: true })).toThrow(/regex/),
  );
  it("translates substitutions", () => {
    expect("ab".replace(/(a)(b)/, compileSubstitution("\\2$&\\0\\\\"))).toBe("b$&ab\\");
    expect(() => compileSubstitution("\\x")).toThrow(/only a group number/);
  });
});
