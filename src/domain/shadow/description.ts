import { counted } from "../counted.ts";
import type { ComparisonResult } from "./comparisonResult.ts";
import type { ComparedSubject } from "./evidence.ts";
import type { FieldSummary } from "./fieldStatistics.ts";
import type { GateVerdict } from "./gate.ts";
import { headlineOf } from "./headline.ts";
import { describeNotJudged, describeSampled } from "./notJudgedText.ts";
import { count, duration, percent, rate } from "./readable.ts";

const fieldsShown = 10;

/** The comparison as a terminal shows it: the headline, what it rests on, the fields, the gate. */
export function describeComparison(
  { primary, shadow }: ComparedSubject,
  result: ComparisonResult,
  verdict: GateVerdict | undefined,
): string {
  const { completeness: c, latency, speed, fields, notTexts } = result;
  const lines = [
    headlineOf(result),
    "",
    `  primary       ${primary.name} (${primary.version})`,
    `  shadow        ${shadow.name} (${shadow.version})`,
    `  completeness  ${c.rate === null ? "nothing was mirrored" : `${percent(c.rate)} of ${c.isEstimate ? "about " : ""}${count(c.sampled)} mirrored requests are stored on both sides`}${aside(result)}`,
    `  latency       p50 ${duration(latency.primary.p50)} and ${duration(latency.shadow.p50)}, p95 ${duration(latency.primary.p95)} and ${duration(latency.shadow.p95)}`,
  ];
  if (speed.primary.firstToken.count + speed.shadow.firstToken.count > 0) lines.push(...speedLines(speed));
  const sampled = describeSampled(result);
  if (sampled !== "") lines.push(`  sampled       ${sampled}`);
  for (const { field, places } of notTexts) {
    lines.push(`  compare.texts: ${field} holds no text in ${counted(places, "place")}, where the rule has no effect`);
  }
  if (fields.length > 0) lines.push("", "Fields that differ:", ...fields.slice(0, fieldsShown).map(fieldLine));
  if (fields.length > fieldsShown) lines.push(`  and ${count(fields.length - fieldsShown)} more`);
  if (verdict) {
    lines.push("", verdict.met ? "The gate is met:" : "The gate is not met:");
    lines.push(...verdict.checks.map(({ met, sentence }) => `  ${met ? "✓" : "✗"} ${sentence}`));
  }
  return lines.join("\n");
}

function speedLines({ primary, shadow }: ComparisonResult["speed"]): string[] {
  const [first, per] = [primary.firstToken, primary.tokensPerSecond];
  const lines = [
    `  first token   p50 ${duration(first.p50)} and ${duration(shadow.firstToken.p50)}, p95 ${duration(first.p95)} and ${duration(shadow.firstToken.p95)}`,
  ];
  if (per.count + shadow.tokensPerSecond.count > 0) {
    lines.push(
      `  tokens/s      p50 ${rate(per.p50)} and ${rate(shadow.tokensPerSecond.p50)}, p5 ${rate(per.p5)} and ${rate(shadow.tokensPerSecond.p5)}`,
    );
  }
  return lines;
}

function aside({ completeness: c, notJudged }: ComparisonResult): string {
  const unjudged = describeNotJudged(notJudged);
  const notes = [
    ...(c.pending > 0 ? [`${count(c.pending)} too young to tell`] : []),
    ...(c.unpaired > 0 ? [`${count(c.unpaired)} without a request id`] : []),
    ...(c.lostByRecorders > 0 ? [`recorders lost ${count(c.lostByRecorders)}`] : []),
    ...(unjudged === "" ? [] : [`not judged: ${unjudged}`]),
  ];
  return notes.length === 0 ? "" : ` (${notes.join(", ")})`;
}

function fieldLine({ field, mismatches, rate, factor, isNoise, example }: FieldSummary): string {
  const notes = [...(factor ? [`× ${factor.factor}`] : []), ...(isNoise ? ["noise"] : [])];
  const shown = (value: unknown): string => (value === undefined ? "nothing" : (JSON.stringify(value) ?? "nothing"));
  return `  ${field}  ${count(mismatches)} (${percent(rate)})${notes.map((note) => `  ${note}`).join("")}  such as ${shown(example.primary)} → ${shown(example.shadow)}`;
}
