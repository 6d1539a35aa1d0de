import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openClaim, sealClaim, type UsageClaim } from "../../../../src/domain/limits/claim.ts";
import { durationText, rateHeaders, retryHeaders } from "../../../../src/domain/limits/rateHeaders.ts";
import { reservationOf } from "../../../../src/domain/limits/reservation.ts";
import { UsageCounts } from "../../../../src/domain/limits/usage.ts";
import { windowAfter, windowAt } from "../../../../src/domain/limits/window.ts";
import type { OperationName } from "../../../../src/domain/protocols/operation.ts";
import { operationNamed } from "../../../../src/domain/protocols/operations.ts";

describe("windows", () => {
  const kinds = fc.constantFrom("requestsPerMinute", "tokensPerDay" as const);

  it("follow each other without a gap, in both clocks", () => {
    fc.assert(
      fc.property(
        kinds,
        fc.nat({ max: 2 ** 40 }),
        fc.integer(),
        fc.nat({ max: 10 ** 9 }),
        (kind, database, now, later) => {
          const window = windowAt(kind, database, now);
          expect(windowAfter(kind, window, now + later)).toEqual({
            ...windowAt(kind, database + later, now + later),
          });
        },
      ),
    );
  });
});

describe("a reservation", () => {
  const of = (name: OperationName, request: unknown) =>
    reservationOf(operationNamed(name), new TextEncoder().encode(JSON.stringify(request)), 4_096);

  it.each([
    ["chat", { max_tokens: 100 }, 100],
    ["chat", { max_completion_tokens: 50, max_tokens: 100 }, 50],
    ["chat", { max_tokens: 100, n: 3 }, 300],
    ["completions", { max_tokens: 16 }, 16],
    ["responses", { max_output_tokens: 7 }, 7],
    ["messages", { max_tokens: 9, n: 3 }, 9],
  ] as const)("of %s %j is %d tokens", (name, request, tokens) => {
    expect(of(name, request)).toEqual({ tokens, isAsked: true });
  });

  it.each([
    ["chat", {}],
    ["chat", { max_tokens: "100" }],
    ["chat", { max_tokens: -1 }],
    ["chat", { max_tokens: 1.5 }],
    ["chat", []],
    ["chat", null],
    ["embeddings", { max_tokens: 5 }],
  ] as const)("of %s %j is the model's limit", (name, request) => {
    expect(of(name, request)).toEqual({ tokens: 4_096, isAsked: false });
  });

  it("of what is not JSON, or not at hand, is the model's limit", () => {
    expect(reservationOf(operationNamed("chat"), new TextEncoder().encode("{"), 10)).toMatchObject({ tokens: 10 });
    expect(reservationOf(operationNamed("chat"), undefined, 10)).toMatchObject({ tokens: 10 });
  });
});

describe("headers", () => {
  const state = { subject: "key 1", kind: "requestsPerMinute", limit: 60, remaining: 59, resetMs: 1_000 } as const;

  it("tell of requests and of tokens the limit of which least is left", () => {
    const headers = rateHeaders([
      state,
      { ...state, subject: "organization 1", limit: 1_000, remaining: 10, resetMs: 61_500 },
      { ...state, kind: "tokensPerMinute", limit: 100, remaining: 0, resetMs: 17 },
      { ...state, kind: "tokensPerDay", limit: 100, remaining: 90, resetMs: 5 },
    ]);
    expect(headers).toEqual({
      "x-ratelimit-limit-requests": "1000",
      "x-ratelimit-remaining-requests": "10",
      "x-ratelimit-reset-requests": "1m1.5s",
      "x-ratelimit-limit-tokens": "100",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "17ms",
    });
    expect(rateHeaders([])).toEqual({});
  });

  it.each([
    [0, "0ms"],
    [999.2, "1s"],
    [1_001, "1.001s"],
    [60_000, "1m0s"],
    [3_600_000, "1h0m0s"],
    [86_399_999, "23h59m59.999s"],
  ])("write %d ms as %s", (milliseconds, text) => expect(durationText(milliseconds)).toBe(text));

  it("say when to ask again, never too early", () => {
    expect(retryHeaders(1_200.5)).toEqual({ "retry-after": "2", "retry-after-ms": "1201" });
    expect(retryHeaders(0)).toEqual({ "retry-after": "1", "retry-after-ms": "1" });
  });
});

const claim: UsageClaim = {
  id: "0f0e0d0c-0b0a-4908-8706-050403020100",
  organization: "1",
  app: "0",
  model: "speaker",
  day: "2026-11-21",
  reserved: [
    { subject: "key 1", kind: "requestsPerMinute", since: 60_000, amount: 1 },
    { subject: "key 1", kind: "tokensPerDay", since: 0, amount: 100 },
  ],
};

describe("a claim", () => {
  it("is opened by who sealed it, and by nobody else", () => {
    const sealed = sealClaim(claim, "k1");
    expect(openClaim(sealed, "k1")).toEqual(claim);
    expect(openClaim(sealed, "k2")).toBeUndefined();
    const [body = "", seal = ""] = sealed.split(".");
    const other = Buffer.from(JSON.stringify({ ...claim, model: "x" })).toString("base64url");
    expect(openClaim(`${other}.${seal}`, "k1")).toBeUndefined();
    for (const text of ["", ".", body, `${body}.`, `${body}.${seal}x`]) expect(openClaim(text, "k1")).toBeUndefined();
  });
});

describe("counts", () => {
  const of = { organization: "1", app: "2", model: "iris", day: "2026-11-21" };

  it("are added by day, app and model, and taken once", () => {
    const counts = new UsageCounts();
    counts.request(of);
    counts.request(of);
    counts.request({ ...of, day: "2026-11-22" });
    counts.tokens(of, { in: 3, out: 4 });
    expect(counts.take([])?.counts).toEqual([
      { ...of, requests: 2, in: 3, out: 4 },
      { ...of, day: "2026-11-22", requests: 1, in: 0, out: 0 },
    ]);
    expect(counts.take([])).toBeUndefined();
  });

  it("adjust limits of tokens by what a claim took of its reservation, and know one claim once", () => {
    const counts = new UsageCounts();
    for (let each = 0; each < 2; each += 1) counts.claim(claim, { in: 10, out: 20 });
    counts.claim({ ...claim, id: "1f0e0d0c-0b0a-4908-8706-050403020100" }, undefined);
    const batch = counts.take([]);
    expect(batch?.claims).toEqual([
      { id: claim.id, organization: "1", app: "0", model: "speaker", day: "2026-11-21", requests: 0, in: 10, out: 20 },
    ]);
    expect(batch?.adjustments).toEqual([
      { claim: claim.id, subject: "key 1", kind: "tokensPerDay", since: 0, amount: -70 },
    ]);
  });
});
