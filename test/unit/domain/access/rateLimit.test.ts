import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rateLimiter } from "../../../../src/domain/access/rateLimit.ts";

describe("a key's limit", () => {
  it("lets a burst pass, then says how long to wait, and lets as many pass as time has gone by", () => {
    let time = 0;
    const limit = rateLimiter({ perSecond: 2, burst: 3 }, () => time);
    expect([limit("a"), limit("a"), limit("a"), limit("a")]).toEqual([0, 0, 0, 500]);
    expect(limit("b")).toBe(0);
    time = 499;
    expect(limit("a")).toBe(1);
    time = 500;
    expect([limit("a"), limit("a")]).toEqual([0, 500]);
    time = 1_000_000;
    expect([limit("a"), limit("a"), limit("a"), limit("a")]).toEqual([0, 0, 0, 500]);
  });

  it("never lets more pass in a span of time than the burst and the rate allow, and who waits as told may pass", () => {
    const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), (gaps, perSecond, burst) => {
        let time = 0;
        const limit = rateLimiter({ perSecond, burst }, () => time);
        let passed = 0;
        for (const gap of gaps) {
          time += gap;
          const wait = limit("key");
          if (wait === 0) passed += 1;
          else {
            time += wait;
            expect(limit("key")).toBe(0);
            passed += 1;
          }
          expect(passed).toBeLessThanOrEqual(burst + (time / 1000) * perSecond + 1e-3);
        }
      }),
    );
  });
});
