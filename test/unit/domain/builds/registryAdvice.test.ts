import { describe, expect, it } from "vitest";
import { registryAdvice } from "../../../../src/domain/builds/registryAdvice.ts";

// As BuildKit 0.26 and the registry of the distribution specification write them.
const refusedPush =
  "error: failed to solve: failed to push registry.example.com/iris:1: unexpected status from HEAD request to https://registry.example.com/v2/iris/blobs/sha256:00: 401 Unauthorized";
const refusedPull =
  "error: failed to solve: registry.example.com/iris: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed";
const down =
  'error: failed to solve: failed to do request: Head "https://registry.example.com/v2/": dial tcp 10.0.0.1:443: connect: connection refused';

describe("what to do about a build that a registry refused", () => {
  it.each([refusedPush, refusedPull])("names the Secret to renew: %s", (line) => {
    const advice = registryAdvice(["#6 pushing layers", line], { namespace: "builds", credentials: "registry" });
    expect(advice).toMatch(/Secret builds\/registry: they have expired or may not do this/);
  });

  it("names the key where no credentials were given", () => {
    expect(registryAdvice([refusedPush], { namespace: "builds" })).toMatch(/menagerie:builds\.credentials$/);
  });

  it("is silent about every other end, and about a model's own requests", () => {
    const own =
      "requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://models.example.com/weights";
    for (const log of [[down], [own], ["exit code: 1"], []]) {
      expect(registryAdvice(log, { namespace: "builds", credentials: "registry" })).toBeUndefined();
    }
  });
});
