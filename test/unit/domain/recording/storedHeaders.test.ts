import { describe, expect, it } from "vitest";
import { carriesSecret, storedHeaders } from "../../../../src/domain/recording/storedHeaders.ts";

describe("headers", () => {
  it.each(["authorization", "cookie", "x-api-key", "x-hf-token", "x-goog-api-key", "ocp-apim-subscription-key"])(
    "that carry secrets are known: %s",
    (name) => expect(carriesSecret(name)).toBe(true),
  );

  it.each(["x-tenant", "x-request-id", "traceparent", "x-max-tokens", "x-tokenizer", "accept"])(
    "that do not are stored: %s",
    (name) => expect(carriesSecret(name)).toBe(false),
  );

  it("are stored without what looks like a credential, under whatever name", () => {
    const headers = { "x-tenant": `ghp_${"0".repeat(36)}`, accept: "application/json", "x-other": "no" };
    expect(JSON.parse(storedHeaders(headers, ["x-tenant", "accept"]))).toEqual({
      "x-tenant": "…",
      accept: "application/json",
    });
  });
});
