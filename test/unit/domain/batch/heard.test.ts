import { describe, expect, it } from "vitest";
import { type Heard, judge } from "../../../../src/domain/batch/heard.ts";

const answer = (status: number, json = "{}", retryAfterMs?: number): Heard => ({
  kind: "answer",
  response: { status, requestId: null, body: { json } },
  retryAfterMs,
});
const kind = (heard: Heard, retryAll = false): string => judge(heard, retryAll).kind;

describe("what is done about a request", () => {
  it("a success is the answer", () => {
    for (const status of [200, 201, 204]) expect(kind(answer(status))).toBe("answered");
  });

  it("what was surely not carried out is sent again, as soon as the server wants it", () => {
    expect(judge(answer(429, "{}", 250), false)).toMatchObject({ kind: "again", isOfAll: true, afterMs: 250 });
    expect(judge(answer(503), false)).toMatchObject({ kind: "again", isOfAll: true, afterMs: undefined });
    expect(judge({ kind: "refused", reason: "ECONNREFUSED" }, false)).toMatchObject({ kind: "again", isOfAll: true });
  });

  it.each([
    ["timeout", "timeout"],
    ["broken", "connection_broken"],
  ] as const)(
    "a request that ends by %s may have been carried out, and is sent again only where that is wanted",
    (ends, code) => {
      const heard: Heard = { kind: ends, reason: "it was so" };
      expect(judge(heard, false)).toEqual({ kind: "failed", failure: { code, message: "it was so" } });
      expect(judge(heard, true)).toMatchObject({ kind: "again", isOfAll: false });
    },
  );

  it.each([408, 425, 500, 502, 504])("so may one that is answered by %i", (status) => {
    expect(judge(answer(status), false)).toMatchObject({ kind: "failed", failure: { code: `http_${status}` } });
    expect(judge(answer(status), true)).toMatchObject({ kind: "again", isOfAll: false });
  });

  it.each([301, 400, 404, 409, 413, 422])("%i is the answer, however often it is asked for", (status) => {
    expect(kind(answer(status), true)).toBe("failed");
  });

  it("so is one that is too long", () => {
    expect(kind({ kind: "too_long", reason: "long" }, true)).toBe("failed");
  });

  it("a failure says what the server says, cut off", () => {
    expect(judge(answer(400, '{"error":"no"}'), false)).toMatchObject({
      failure: { message: 'HTTP 400: {"error":"no"}' },
    });
    const long = judge(answer(400, `"${"x".repeat(100_000)}"`), false);
    expect(long.kind === "failed" && long.failure.message.length).toBeLessThan(400);
  });

  it.each([
    [401, "missing_api_key"],
    [401, "invalid_api_key"],
    [403, "key_scope"],
  ])("%i with the platform's code %s ends the batch", (status, code) => {
    const refused = answer(status, JSON.stringify({ error: { code, message: "no such key" } }));
    expect(judge(refused, true)).toEqual({ kind: "key_refused", status, message: "no such key" });
  });

  it("401 and 403 of a model's own are the line's answers", () => {
    for (const json of ["null", "[]", '{"error":"who?"}', '{"error":{"code":"other"}}']) {
      expect(kind(answer(401, json))).toBe("failed");
      expect(kind(answer(403, json))).toBe("failed");
    }
  });
});
