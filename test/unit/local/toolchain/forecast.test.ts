import { describe, expect, it } from "vitest";
import { Forecast, timeLeft } from "../../../../src/local/toolchain/forecast.ts";

const MB = 1_000_000;

/** A forecast for two builds at once, on a clock that the test moves, after so much source that 1 MB/s is what it goes by. */
function steady(lanes = 2) {
  let seconds = 0;
  const forecast = new Forecast(lanes, 4, () => seconds);
  return { forecast, pass: (more: number) => (seconds += more) };
}

describe("what is left of a build", () => {
  it("is reckoned from the source that is left, before anything was measured", () => {
    const { forecast } = steady();
    forecast.add("etcd", 0, 30 * MB);
    // Four cores, each at a quarter of a megabyte a second.
    expect(forecast.secondsLeft("etcd")).toBeCloseTo(30);
    expect(forecast.secondsLeft("unknown")).toBeUndefined();
  });

  it("follows the rate that is measured", () => {
    const { forecast, pass } = steady();
    forecast.add("etcd", 0, 1_000 * MB);
    forecast.begin("etcd");
    for (let second = 0; second < 900; second += 1) {
      pass(1);
      forecast.advance("etcd", 0.1 * MB);
    }
    const left = forecast.secondsLeft("etcd") ?? 0;
    expect(left).toBeGreaterThan(8_500);
    expect(left).toBeLessThan(9_400);
  });

  it("does not count the time in which nothing is compiled", () => {
    const { forecast, pass } = steady();
    pass(10_000);
    forecast.add("etcd", 0, 30 * MB);
    forecast.begin("etcd");
    expect(forecast.secondsLeft("etcd")).toBeCloseTo(30);
  });

  it("is longer for builds that share the cores, and longest for those that wait", () => {
    const { forecast } = steady();
    forecast.add("small", 0, 10 * MB);
    forecast.add("large", 1, 40 * MB);
    forecast.add("waiting", 2, 10 * MB);
    forecast.begin("small");
    forecast.begin("large");
    expect(forecast.secondsLeft("small")).toBeCloseTo(20);
    expect(forecast.secondsLeft("waiting")).toBeCloseTo(40);
    expect(forecast.secondsLeft("large")).toBeCloseTo(60);
    forecast.end("small");
    expect(forecast.secondsLeft("large")).toBeCloseTo(50);
  });

  it("is nothing for a build that only links, and never negative", () => {
    const { forecast } = steady();
    forecast.add("etcd", 0, 1 * MB);
    forecast.begin("etcd");
    forecast.advance("etcd", 5 * MB);
    expect(forecast.secondsLeft("etcd")).toBe(0);
  });
});

it("is told in whole minutes", () => {
  expect([0, 29, 31, 89, 91, 600].map(timeLeft)).toEqual([
    "less than a minute left",
    "less than a minute left",
    "about 1 min left",
    "about 1 min left",
    "about 2 min left",
    "about 10 min left",
  ]);
});
