import { describe, expect, it } from "vitest";
import { leadsOut } from "../../../../src/domain/protocols/leadsOut.ts";
import { servedPrefixes } from "../../../../src/domain/protocols/operations.ts";
import { coveredOwnPath, isClosedPath, ownPathMistake } from "../../../../src/domain/protocols/ownPaths.ts";

describe("a model's own path", () => {
  it.each([
    "/generate",
    "/api/",
    "/api/v1/",
    "/controlnet/generate",
    "/metrics-of/x",
    "/v1beta/x",
    "/v10/",
    "/a:b",
    "/openai/images",
    "/healthz-deep",
    "/constructor",
  ])("may be %s", (path) => {
    expect(ownPathMistake(path)).toBeUndefined();
  });

  it.each([
    ["generate", "does not begin with a slash"],
    ["", "does not begin with a slash"],
    ["/", "is every path"],
    ["/control", "is closed"],
    ["/control/", "is closed"],
    ["/Control/patch", "is closed"],
    ["/%63ontrol/patch", "is encoded"],
    ["/x%2F..%2Fcontrol", "is encoded"],
    ["/metrics", "is closed"],
    ["/metrics/x", "is closed"],
    ["/healthz", "is closed"],
    ["/hot-reload", "is closed"],
    ["/x/../control/", ". or .."],
    ["/./control", ". or .."],
    ["/..", ". or .."],
    ["//control", "two slashes"],
    ["/x//", "two slashes"],
    ["/x\\control", "other characters"],
    ["/x y", "other characters"],
    ["/x?y", "other characters"],
    ["/x#y", "other characters"],
    ["/x,y", "other characters"],
    ["/x\n", "other characters"],
    ["/é", "other characters"],
    [`/${"x".repeat(200)}`, "has 201 characters"],
    ["/v1", "is routed already"],
    ["/v1/chat/completions", "is routed already"],
    ["/v2/", "is routed already"],
    ["/openai/v1/x", "is routed already"],
    ["/openai/", "has /openai/v1/ below it"],
  ])("may not be %j: it %s", (path, says) => {
    expect(ownPathMistake(path)?.says).toContain(says);
  });

  it("is listed once, and not below another one", () => {
    expect(coveredOwnPath(["/api", "/api/", "/apis/x"])).toBeUndefined();
    expect(coveredOwnPath(["/a/b", "/a/"])).toEqual({ index: 0, by: "/a/" });
    expect(coveredOwnPath(["/a", "/b", "/a"])).toEqual({ index: 2, by: "/a" });
  });
});

it.each(["/control/patch", "/%63ontrol/x", "/CONTROL", "/metrics", "/metrics/", "/readyz"])("%s is closed", (path) => {
  expect(isClosedPath(path)).toBe(true);
});

it("what models serve is not closed, and does not lead out", () => {
  for (const prefix of servedPrefixes) {
    expect([isClosedPath(`${prefix}x`), leadsOut(`${prefix}models/m%3Apredict`)]).toEqual([false, false]);
    for (const out of [
      "..",
      "%2e%2e/control",
      "..%2fcontrol",
      "%252e%252e",
      "a/./b",
      "a//b",
      "a\\b",
      "%5c..",
      "%00",
      "%zz",
    ]) {
      expect(leadsOut(prefix + out), out).toBe(true);
    }
  }
});
