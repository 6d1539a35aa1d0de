import { describe, expect, it } from "vitest";
import { evidencePlots, evidenceStyle } from "../../../../src/domain/console/evidencePlots.ts";
import { type EvidenceLook, thinned } from "../../../../src/domain/judgement/evidenceLooks.ts";
import { playedLooks } from "../../../support/playedConsole.ts";

const svgs = (looks: readonly EvidenceLook[]) =>
  [...evidencePlots(looks).markup.matchAll(/<svg class="evidence".*?<\/svg>/gs)].map(([svg]) => svg);

describe("looks", () => {
  it("are thinned out evenly, and keep both ends", () => {
    const looks = Array.from({ length: 5_000 }, (_, place) => place);
    const few = thinned(looks, 120);
    expect(few).toHaveLength(120);
    expect([few[0], few.at(-1)]).toEqual([0, 4_999]);
    const gaps = few.slice(1).map((each, place) => each - (few[place] ?? 0));
    expect([Math.min(...gaps), Math.max(...gaps)]).toEqual([42, 43]);
    expect(thinned([1, 2], 2)).toEqual([1, 2]);
    expect(thinned([], 2)).toEqual([]);
  });
});

describe("the picture of evidence over time", () => {
  it("says so where no look is stored", () => {
    const { markup } = evidencePlots([]);
    expect(markup).toContain("No look at the evidence is stored yet");
    expect(markup).not.toContain("<svg");
  });

  it.each([1, 2, 120, 5_000])("is within its frame, with the same in words: %i looks", (count) => {
    const looks = playedLooks(count);
    const drawn = svgs(looks);
    expect(drawn).toHaveLength(2);
    expect(drawn.join("")).not.toMatch(/NaN|Infinity|undefined/);
    const [errors = "", p95 = ""] = drawn;
    expect(errors).toMatch(/role="img" aria-label="errors, 2026-11-30 .* points, 1\.0 are allowed\."/);
    expect(p95).toMatch(/aria-label="p95, .*: 50 % of the evidence that good needs, 20 % of what bad needs\."/);
    const [, band = ""] = /class="band" d="M([^"]*)Z"/.exec(errors) ?? [];
    const places = band.split("L").map((place) => place.split(" ").map(Number));
    expect(places).toHaveLength(2 * Math.min(count, 120));
    for (const [x = -1, y = -1] of places) {
      expect(x).toBeGreaterThanOrEqual(64);
      expect(x).toBeLessThanOrEqual(704);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(96);
    }
    // The same size for any number of looks.
    expect(errors.length).toBeLessThan(6_000);
    expect(evidencePlots(looks).markup).toContain(`${count} look`);
  });

  it("has its first look on the left and its last on the right", () => {
    const [, path = ""] = /class="good" d="M([^"]*)"/.exec(svgs(playedLooks(3_000))[1] ?? "") ?? [];
    expect(path).toMatch(/^64\.0 96\.0L/);
    expect(path).toMatch(/L704\.0 48\.0L704\.0 48\.0$/);
  });

  it("has colours of both schemes alone, and no style of its own", () => {
    const { markup } = evidencePlots(playedLooks());
    expect(markup).not.toMatch(/#[0-9a-f]{3,6}\b|\sstyle=|<script/);
    expect(evidenceStyle).not.toMatch(/#[0-9a-f]{3,6}\b/);
  });

  it("shows a share that is judged by itself from 0 on", () => {
    const bounds = { low: 0.01, high: 0.03, limit: 0.05 };
    const looks = [{ at: 0, shares: [{ metric: "mismatch" as const, good: 0.4, bad: 0, bounds }] }];
    const { markup } = evidencePlots(looks);
    expect(markup).toContain("the share is between 1 % and 3 %, 5 % is allowed");
  });
});
