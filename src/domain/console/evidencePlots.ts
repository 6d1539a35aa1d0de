import { counted } from "../counted.ts";
import { type EvidenceLook, thinned } from "../judgement/evidenceLooks.ts";
import type { EvidenceBounds, EvidenceShare } from "../judgement/evidenceShares.ts";
import type { Metric } from "../judgement/settings.ts";
import { html, type Markup } from "../page/markup.ts";
import { wide } from "../page/wide.ts";
import { stamp, timeMarks } from "../release/timeline/timeAxis.ts";
import { percent } from "../shadow/readable.ts";

const [left, width, height, axis] = [64, 640, 96, 24];
/** Looks that are drawn: about one in five pixels. */
const looksDrawn = 120;

/** One look at one metric. */
interface Point extends EvidenceShare {
  readonly at: number;
}

/** The evidence over time, a picture for each metric, with the same in words. */
export function evidencePlots(looks: readonly EvidenceLook[]): Markup {
  const metrics = [...new Set(looks.flatMap(({ shares }) => shares.map(({ metric }) => metric)))];
  if (metrics.length === 0) return html`<p class="hint">No look at the evidence is stored yet.</p>`;
  const drawn = thinned(looks, looksDrawn);
  return html`<h3 class="apart">Evidence over time</h3><p class="hint">${counted(looks.length, "look")}, times in UTC. Kept for 14 days.</p>
${metrics.map((metric) => plot(metric, pointsOf(drawn, metric)))}`;
}

function pointsOf(looks: readonly EvidenceLook[], metric: Metric): readonly Point[] {
  return looks.flatMap(({ at, shares }) =>
    shares.filter((share) => share.metric === metric).map((share) => ({ ...share, at })),
  );
}

function plot(metric: Metric, points: readonly Point[]): Markup {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return html``;
  const bounded = points.flatMap(({ at, bounds }) => (bounds === null ? [] : [{ at, ...bounds }]));
  const latest = bounded.at(-1);
  const words = `${latest ? boundsInWords(metric, latest) : sharesInWords(last)}.`;
  const title = `${metric}, ${stamp(first.at)} to ${stamp(last.at)}`;
  // Of one look there is a picture too: a minute around it.
  const [start, end] = last.at > first.at ? [first.at, last.at] : [first.at - 30_000, first.at + 30_000];
  const x = (at: number): number => left + ((at - start) / (end - start)) * width;
  const marks = timeMarks(start, end, 6).map(
    ({ at, label }) =>
      html`<line class="grid" x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="0" y2="${height}"/><text text-anchor="middle" x="${x(at).toFixed(1)}" y="${height + 16}">${label}</text>`,
  );
  const picture = html`<svg class="evidence" role="img" aria-label="${`${title}: ${words}`}" viewBox="0 -8 ${left + width + 16} ${height + axis + 8}">
${marks}<line class="axis" x1="${left}" x2="${left + width}" y1="${height}" y2="${height}"/>${latest ? band(bounded, latest, x) : lines(points, x)}</svg>`;
  return html`<figure class="evidence"><figcaption><b>${metric}</b> ${words}</figcaption>${wide(`Evidence of ${metric}`, picture)}</figure>`;
}

/** Between both bounds, with the limit; what is far from it is cut at the edge. */
function band(
  points: readonly (EvidenceBounds & { readonly at: number })[],
  { low, high, limit }: EvidenceBounds,
  x: (at: number) => number,
): Markup {
  const most = Math.min(1, 1.2 * Math.max(2 * Math.abs(limit), Math.abs(low), Math.abs(high)));
  const least = points.some((point) => point.low < 0) ? -most : 0;
  const y = (value: number): number => height * (1 - (Math.max(least, Math.min(most, value)) - least) / (most - least));
  const at = (time: number, value: number) => `${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
  const [last] = points.slice(-1);
  const upper = points.map((point) => at(point.at, point.high));
  const lower = points.map((point) => at(point.at, point.low)).reverse();
  const label = (value: number, kind: string) =>
    html`<line class="${kind}" x1="${left}" x2="${left + width}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}"/><text text-anchor="end" x="${left - 8}" y="${(y(value) + 4).toFixed(1)}">${percent(value)}</text>`;
  // A limit that is drawn close to 0 has its label alone.
  const hasZero = least < 0 && Math.abs(y(limit) - y(0)) > 14;
  return html`${hasZero && label(0, "axis")}<path class="band" d="M${[...upper, ...lower].join("L")}Z"/>${last && html`<path class="now" d="M${at(last.at, last.high)}L${at(last.at, last.low)}"/>`}${label(limit, "limit")}`;
}

/** Shares of the evidence that is needed. */
function lines(points: readonly Point[], x: (at: number) => number): Markup {
  const y = (share: number): string => (height * (1 - share)).toFixed(1);
  const line = (side: "good" | "bad") => {
    const places = points.map((point) => `${x(point.at).toFixed(1)} ${y(point[side])}`);
    // A line of one point is a dot by its round ends.
    return html`<path class="${side}" d="M${[...places, ...places.slice(-1)].join("L")}"/>`;
  };
  return html`<text text-anchor="end" x="${left - 8}" y="4">enough</text><line class="limit" x1="${left}" x2="${left + width}" y1="0" y2="0"/>${line("good")}${line("bad")}`;
}

function boundsInWords(metric: Metric, { low, high, limit }: EvidenceBounds): string {
  if (metric === "maxErrors" || metric === "mismatch")
    return `the share is between ${percent(low)} and ${percent(high)}, ${percent(limit)} is allowed`;
  return `the new version’s share less the old one’s is between ${points(low)} and ${points(high)} points, ${points(limit)} are allowed`;
}

function sharesInWords({ good, bad }: Point): string {
  return `${Math.floor(100 * good)} % of the evidence that good needs, ${Math.floor(100 * bad)} % of what bad needs`;
}

function points(share: number): string {
  const text = (share * 100).toFixed(1);
  return text === "-0.0" ? "0.0" : text.replace("-", "−");
}

/** What pictures of evidence look like. */
export const evidenceStyle = `
figure.evidence { margin: 0 0 14px; } figure.evidence figcaption { font-size: 13.5px; margin-bottom: 4px; }
svg.evidence { max-width: 760px; min-width: 480px; }
svg.evidence .band { fill: var(--primary); fill-opacity: .22; stroke: var(--primary); stroke-width: 1.2; stroke-linejoin: round; }
svg.evidence .now { stroke: var(--primary); stroke-width: 3; stroke-linecap: round; }
svg.evidence .limit { stroke: var(--shadow); stroke-width: 1.5; stroke-dasharray: 6 4; }
svg.evidence .good, svg.evidence .bad { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
svg.evidence .good { stroke: var(--good); } svg.evidence .bad { stroke: var(--bad); stroke-dasharray: 2 4; }
`;
