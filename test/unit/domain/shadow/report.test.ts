import { describe, expect, it } from "vitest";
import { Comparison } from "../../../../src/domain/shadow/comparison.ts";
import { describeComparison } from "../../../../src/domain/shadow/description.ts";
import { evidenceHash, evidenceOf } from "../../../../src/domain/shadow/evidence.ts";
import { judgeGate } from "../../../../src/domain/shadow/gate.ts";
import { reportPage } from "../../../../src/domain/shadow/report/page.ts";
import { reportSubject } from "../../../../src/domain/shadow/report/sections.ts";

const nasty = `<script>alert("1")</script>&'`;
const gate = { minPairs: 10, maxMismatch: 0.5, confidence: 0.95, minCompleteness: 0.9 };
const subject = {
  deployment: "next",
  primary: { name: "next-primary", version: "aaaaaaaaaaaa" },
  shadow: { name: nasty, version: "bbbbbbbbbbbb" },
  rules: { tolerance: { relative: 0.001 }, ignore: ["took"] },
  gate,
};

function resultOf(pairs: number) {
  const comparison = new Comparison();
  for (let n = 0; n < pairs; n += 1) {
    const answer = (json: unknown, latencyMs: number, status = 200) => ({
      status,
      failure: null,
      latencyMs,
      body: { json },
    });
    comparison.add({
      requestId: `${nasty}${n}`,
      at: Date.UTC(2026, 10, 21, 8) + n * 60_000,
      primary: answer({ label: "a", [nasty]: n }, 5 + n),
      shadow: n % 3 === 0 ? answer({ label: nasty, [nasty]: n }, 9 + n) : answer({}, 9 + n, 500),
      sameBody: false,
    });
  }
  const counts = { primary: pairs, shadow: pairs, paired: pairs, pending: 2, unpaired: 1, lostByRecorders: 3 };
  return comparison.result(counts, 100);
}

function pageOf(pairs: number): string {
  const result = resultOf(pairs);
  const generatedAt = new Date(Date.UTC(2026, 10, 22));
  return reportPage(reportSubject(subject, evidenceOf(subject, result), generatedAt), result);
}

const voids = new Set(["meta", "br", "!doctype"]);

/** Elements that are left open or closed twice. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, end, name = "", own] of page.matchAll(/<(\/?)([a-z!][a-z0-9]*)[^>]*?(\/?)>/gi)) {
    if (voids.has(name.toLowerCase()) || own) continue;
    if (!end) open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}

describe.each([0, 1, 40])("the report of %d pairs", (pairs) => {
  it("is one well-formed page that loads nothing", () => {
    const page = pageOf(pairs);
    expect(unbalanced(page)).toEqual([]);
    expect(page).not.toMatch(/<script|<link|<img|src=|href=|url\(|@import|https?:\/\//);
    expect(page).toContain("default-src 'none'");
  });

  it("draws no figure that is not a number", () => {
    expect(pageOf(pairs)).not.toMatch(/NaN|Infinity|undefined|="-\d/);
  });
});

describe("the report", () => {
  it("shows what models and clients say as text", () => {
    expect(pageOf(40)).toContain("&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#38;&#39;");
  });

  it("says in its first line what was found", () => {
    expect(pageOf(40)).toContain("<h1>All 40 answers differ.</h1>");
    expect(pageOf(0)).toContain("<h1>Nothing was compared yet.</h1>");
  });
});

describe("the terminal", () => {
  it("gets the same in lines", () => {
    const result = resultOf(40);
    const text = describeComparison(subject, result, judgeGate(result, gate));
    expect(text).toContain("All 40 answers differ.");
    expect(text).toContain(
      "100 % of 40 mirrored requests are stored on both sides (2 too young to tell, 1 without a request id, recorders lost 3)",
    );
    expect(text).toContain(
      "The gate is not met:\n  ✓ 40 pairs were compared, at least 10 are needed\n  ✗ 100 % differ",
    );
  });
});

describe("evidence", () => {
  it("has one hash whatever the order of its keys, and another for every other finding", () => {
    const evidence = evidenceOf(subject, resultOf(40));
    const reordered = Object.fromEntries(Object.entries(evidence).reverse());
    expect(evidenceHash(reordered)).toBe(evidenceHash(evidence));
    expect(evidenceHash({ ...evidence, pairs: 41 })).not.toBe(evidenceHash(evidence));
  });

  it("holds no part of a request or an answer", () => {
    const { shadow: _, fields, ...evidence } = evidenceOf(subject, resultOf(40));
    expect(JSON.stringify(evidence)).not.toContain("script");
    expect(fields.map(({ field }) => field)).toEqual(["status", "label"]);
  });
});
