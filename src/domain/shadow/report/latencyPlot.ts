import { html, type Markup, ticks } from "../../page/markup.ts";
import type { ComparisonResult } from "../comparisonResult.ts";
import type { LatencySummary } from "../latency.ts";
import { duration } from "../readable.ts";

const [width, height, left, right, top] = [420, 150, 8, 8, 8];
const steps = 44;

/**
 * Both sides' latencies as densities over a logarithmic axis, with a line at each median.
 *
 * @param unit - how a value reads. @default milliseconds
 */
export function latencyPlot(
  { latency }: Pick<ComparisonResult, "latency">,
  unit: (value: number) => string = duration,
  name = "Latency distributions",
): Markup {
  const { primary, shadow } = latency;
  const bounds = [primary, shadow].flatMap(({ classes }) => classes.map(({ upTo }) => upTo));
  if (bounds.length === 0) return html`<p class="hint">Nothing was recorded.</p>`;
  const low = Math.min(...bounds) / 1.15;
  const high = Math.max(...bounds) * 1.15;
  const scale = Math.log(high / low);
  const x = (milliseconds: number): number => left + (Math.log(milliseconds / low) / scale) * (width - left - right);
  const densities = { primary: densityOf(primary, low, scale), shadow: densityOf(shadow, low, scale) };
  const peak = Math.max(...densities.primary, ...densities.shadow, 0.001);
  const area = (side: "primary" | "shadow"): Markup => {
    const heights = densities[side].map((share) => top + height - (share / peak) * height);
    const stepWidth = (width - left - right) / steps;
    const outline = heights.map((y, index) => {
      const from = left + index * stepWidth;
      return `L${from.toFixed(1)} ${y.toFixed(1)}L${(from + stepWidth).toFixed(1)} ${y.toFixed(1)}`;
    });
    const path = `M${left} ${top + height}${outline.join("")}L${width - right} ${top + height}Z`;
    return html`<path d="${path}" fill="var(--${side})" fill-opacity=".22" stroke="var(--${side})" stroke-width="1.5" stroke-linejoin="round"><title>${side}</title></path>`;
  };
  const median = (side: "primary" | "shadow"): Markup => {
    const at = latency[side].p50;
    if (at === null) return html``;
    return html`<line x1="${x(at)}" x2="${x(at)}" y1="${top}" y2="${top + height}" stroke="var(--${side})" stroke-width="1.5" stroke-dasharray="4 3"><title>median of the ${side}: ${unit(at)}</title></line>`;
  };
  return html`<svg viewBox="0 0 ${width} ${top + height + 24}" role="img" aria-label="${name} of both sides">
${decades(low, high).map(
  (at) =>
    html`<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="${top}" y2="${top + height}"/><text x="${x(at)}" y="${top + height + 17}" text-anchor="middle">${unit(at)}</text>`,
)}
<line class="axis" x1="${left}" x2="${width - right}" y1="${top + height}" y2="${top + height}"/>
${area("primary")}${area("shadow")}${median("primary")}${median("shadow")}
</svg>`;
}

/** The percentiles as a table, with the shadow's share of the primary's. */
export function latencyTable(
  { latency: { primary, shadow } }: Pick<ComparisonResult, "latency">,
  unit: (value: number | null) => string = duration,
  percentiles: readonly ("p5" | "p50" | "p95" | "p99")[] = ["p50", "p95", "p99"],
): Markup {
  return html`<table><thead><tr><td></td><th scope="col" class="number">primary</th><th scope="col" class="number">shadow</th><th scope="col" class="number">ratio</th></tr></thead><tbody>
${percentiles.map((name) => {
  const [a, b] = [primary[name], shadow[name]];
  const ratio = a === null || b === null || a === 0 ? "–" : `${(b / a).toFixed(2)}×`;
  return html`<tr><th scope="row">${name}</th><td class="number">${unit(a)}</td><td class="number">${unit(b)}</td><td class="number">${ratio}</td></tr>`;
})}</tbody></table>`;
}

function densityOf({ classes, count }: LatencySummary, low: number, scale: number): number[] {
  const shares = new Array<number>(steps).fill(0);
  for (const { upTo, count: here } of classes) {
    const index = Math.min(steps - 1, Math.max(0, Math.floor((Math.log(upTo / low) / scale) * steps)));
    shares[index] = (shares[index] ?? 0) + here / count;
  }
  return shares;
}

/** 1, 2 and 5 times powers of ten, or only the powers where those would crowd; multiples of a round step where there are too few of them. */
function decades(low: number, high: number): number[] {
  // Near the edges a label would be cut off.
  const isInside = (at: number): boolean => at > low * 1.05 && at < high / 1.05;
  const crowded = Math.log10(high / low) > 2.2;
  const marks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of crowded ? [1] : [1, 2, 5]) marks.push(digit * 10 ** power);
  }
  const inside = marks.filter(isInside);
  if (inside.length >= 2) return inside;
  const step = ticks(high - low)[1] ?? high - low;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.ceil((high - low) / step) + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(6)),
  ).filter(isInside);
}
