import { html, type Markup } from "../../page/markup.ts";
import { tile } from "../../page/tile.ts";
import { wide } from "../../page/wide.ts";
import type { ComparisonResult } from "../comparisonResult.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { type ComparedSubject, evidenceHash, type ShadowEvidence } from "../evidence.ts";
import type { GateVerdict } from "../gate.ts";
import { headlineSentences } from "../headline.ts";
import { describeNotJudged, describeSampled } from "../notJudgedText.ts";
import { count, duration, percent } from "../readable.ts";
import { describeRules } from "../ruleText.ts";
import { conversationsSection } from "./conversations.ts";
import { latencyPlot, latencyTable } from "./latencyPlot.ts";
import { speedSection } from "./speedSection.ts";
import { fieldsTable, outliersTable, statusesTable } from "./tables.ts";
import { timelinePlot } from "./timelinePlot.ts";

/** What was compared with what, as the page tells it. */
export interface ReportSubject {
  /** Name of the shadow deployment. */
  readonly deployment: string;
  readonly primary: ReportedSide;
  readonly shadow: ReportedSide;
  /** Judgement of the declared gate; undefined without one. */
  readonly verdict: GateVerdict | undefined;
  /** Rules that were followed, as they are declared, in one line; empty for none. */
  readonly rules: string;
  /** SHA-256 of the evidence, 64 hex digits. */
  readonly evidence: string;
  readonly generatedAt: Date;
}

export interface ReportedSide {
  readonly name: string;
  /** Such as the hash of its truss and its variables. */
  readonly version: string;
}

/** The subject of a comparison and its evidence, as a page tells them. */
export function reportSubject(subject: ComparedSubject, evidence: ShadowEvidence, generatedAt: Date): ReportSubject {
  return {
    ...subject,
    verdict: evidence.verdict ?? undefined,
    rules: describeRules(subject.rules),
    evidence: evidenceHash(evidence),
    generatedAt,
  };
}

/** What was compared, in a headline and what it rests on. */
export function reportHead({ deployment, primary, shadow, verdict }: ReportSubject, result: ComparisonResult): Markup {
  // A number and its sign stay on one line.
  const [headline = "", ...more] = headlineSentences(result).map((sentence) => sentence.replaceAll(" %", "\u00a0%"));
  return html`<p class="eyebrow">Shadow deployment ${deployment}</p>
<h1>${headline}</h1>
${more.map((sentence) => html`<p class="lead">${sentence}</p>`)}
<ul class="sides">
<li><span class="dot primary"></span>primary <strong>${primary.name}</strong> <code>${primary.version}</code></li>
<li><span class="dot shadow"></span>shadow <strong>${shadow.name}</strong> <code>${shadow.version}</code></li>
<li>${period(result)}</li>
</ul>
${verdictOf(verdict)}`;
}

/**
 * What a comparison counted.
 *
 * @param bodies - whether parts of answers are shown: an example of each field that differs
 */
export function reportCounts(result: ComparisonResult, bodies: "shown" | "hidden"): Markup {
  return html`${tiles(result)}
${notJudged(result)}
<div class="halves">
<section class="card"><h2>Mismatch over time</h2><p class="hint">Share of the pairs that differ; below, how many there were. <span class="dot differ"></span>differ <span class="dot agree"></span>agree</p>
${timelinePlot(result)}</section>
<section class="card"><h2>Latency</h2><p class="hint">Milliseconds as the recorders saw them; dashed lines are medians.</p>
${latencyPlot(result)}${latencyTable(result)}</section>
</div>
${speedSection(result)}
<section class="card"><h2>Fields that differ</h2><p class="hint">List indexes are counted together as [*].</p>${wide("Table of fields", fieldsTable(result, bodies))}</section>
${statuses(result)}
${completeness(result)}`;
}

/** Parts of what clients sent and models answered: the pairs that differ most, side by side. */
export function reportBodies(
  result: Pick<ComparisonResult, "outliers">,
  conversations: readonly Conversation[],
): Markup {
  return html`<section class="card"><h2>Pairs that differ most</h2><p class="hint">By relative difference. The request id finds them in both schemas.</p>${wide("Table of pairs", outliersTable(result))}</section>
${conversationsSection(conversations)}`;
}

/** By which rules, when and with which evidence. */
export function reportFoot({ deployment, rules, evidence, generatedAt }: ReportSubject): Markup {
  return html`<footer>
<p>${rules === "" ? "Compared without tolerances: every difference counts." : `Rules: ${rules}`}</p>
<p>Made ${generatedAt.toISOString().slice(0, 19).replace("T", " ")} UTC by <code>menagerie compare ${deployment}</code>. Evidence <code>sha256:${evidence}</code></p>
</footer>`;
}

function verdictOf(verdict: GateVerdict | undefined): Markup {
  if (!verdict) return html``;
  return html`<section class="verdict ${verdict.met ? "met" : "unmet"}"><strong>${verdict.met ? "Gate met" : "Gate not met"}</strong><ul>
${verdict.checks.map(({ met, sentence }) => html`<li><span class="mark ${met ? "met" : "unmet"}">${met ? "✓" : "✗"}</span>${sentence}</li>`)}
</ul></section>`;
}

function tiles(result: ComparisonResult): Markup {
  const { pairs, mismatchRate, completeness, latency, noise } = result;
  const { primary, shadow } = latency;
  const unjudged = Object.values(result.notJudged).reduce((sum, each) => sum + each, result.sampled.pairs);
  const pairsNote = unjudged === 0 ? "answers to the same request" : `${count(unjudged)} more not judged`;
  const ratio = primary.p95 && shadow.p95 ? `${(shadow.p95 / primary.p95).toFixed(2)}×` : "–";
  return html`<div class="tiles">
${tile("Pairs compared", count(pairs), pairsNote)}
${tile(
  noise ? "Differ by more than noise" : "Differ",
  pairs === 0 ? "–" : percent(mismatchRate.rate),
  `${percent(mismatchRate.low)} to ${percent(mismatchRate.high)} (95 %)${noise ? `; noise floor ${percent(noise.rate.rate)}` : ""}`,
)}
${tile("Stored on both sides", completeness.rate === null ? "–" : percent(completeness.rate), `${count(completeness.lost)} of ${completeness.isEstimate ? "about " : ""}${count(completeness.sampled)} lost`)}
${tile("Latency p95", ratio, `${duration(shadow.p95)} against ${duration(primary.p95)}`)}
</div>`;
}

/** Why pairs are not judged, which takes more words than a tile has room for. */
function notJudged(result: ComparisonResult): Markup | undefined {
  const { notJudged: reasons } = result;
  const rows = [
    ["Not judged", describeNotJudged(reasons)],
    ["Sampled requests", describeSampled(result)],
  ].filter(([, text]) => text !== "");
  if (rows.length === 0) return undefined;
  return html`<section class="card">${rows.map(([name = "", text = ""]) => html`<p class="note"><strong>${name}</strong> ${text}.</p>`)}</section>`;
}

function statuses(result: ComparisonResult): Markup | undefined {
  const table = statusesTable(result);
  return (
    table &&
    html`<section class="card"><h2>HTTP statuses</h2><p class="hint">What both sides answered to the same request.</p>${table}</section>`
  );
}

function completeness({ completeness: c }: ComparisonResult): Markup {
  const row = (name: string, value: number, note: string): Markup =>
    html`<tr><td>${name}</td><td class="number">${count(value)}</td><td class="tile-note">${note}</td></tr>`;
  return html`<section class="card"><h2>Completeness</h2><p class="hint">What was recorded on each side in this time.</p><table><tbody>
${row("requests of the primary", c.primary, `${c.percent} % of them are mirrored`)}
${row("mirrored", c.sampled, c.isEstimate ? "an expectation: nobody records the draw" : "every one")}
${row("copies at the shadow", c.shadow, "")}
${row("stored on both sides", c.paired, c.rate === null ? "" : percent(c.rate))}
${row("lost", c.lost, c.lostByRecorders > 0 ? `${count(c.lostByRecorders)} ${c.lostByRecorders === 1 ? "row" : "rows"} by the recorders' own count` : "")}
${c.unpaired > 0 && row("without a request id", c.unpaired, "made by a recorder: nothing pairs them")}
${c.pending > 0 && row("too young", c.pending, "the other side may still be storing them")}
</tbody></table></section>`;
}

function period({ from, to, sampled }: ComparisonResult): string {
  if (from === null || to === null) return sampled.pairs > 0 ? "no pair judged yet" : "no request yet";
  const text = (at: number): string => new Date(at).toISOString().slice(0, 19).replace("T", " ");
  return `${text(from)} to ${text(to).slice(text(from).slice(0, 10) === text(to).slice(0, 10) ? 11 : 0)} UTC`;
}
