import { html, type Markup, ticks } from "../../page/markup.ts";
import type { ComparisonResult } from "../comparisonResult.ts";
import { count, percent } from "../readable.ts";

const [width, left, right] = [640, 46, 8];
const rates = { top: 8, height: 196 };
const volumes = { top: 224, height: 44 };
const bottom = volumes.top + volumes.height;
/** A run of a few seconds is drawn as if it had been longer, else one bar fills the plot. */
const shortest = 24;

/** Share of differing pairs over time, above how many there were. */
export function timelinePlot({ timeline, from, to }: Pick<ComparisonResult, "timeline" | "from" | "to">): Markup {
  const { points } = timeline;
  const first = points[0]?.at ?? 0;
  const stretches = ((points.at(-1)?.at ?? 0) - first) / timeline.width + 1;
  const shown = Math.max(stretches, shortest);
  const step = (width - left - right) / shown;
  const offset = ((shown - stretches) / 2) * step;
  const x = (at: number): number => left + offset + ((at - first) / timeline.width) * step;
  const highest = Math.max(...points.map(({ pairs, mismatches }) => mismatches / pairs), 0.001);
  const rateTicks = ticks(Math.min(1, highest * 1.08));
  const rateTop = Math.max(rateTicks.at(-1) ?? 1, Math.min(1, highest));
  const most = Math.max(...points.map(({ pairs }) => pairs), 1);
  const gap = step > 4 ? 1.5 : 0;
  const bars = points.map(({ at, pairs, mismatches }) => {
    const rate = (mismatches / pairs / rateTop) * rates.height;
    const [all, bad] = [(pairs / most) * volumes.height, (mismatches / most) * volumes.height];
    const told = `${clock(at)}: ${count(mismatches)} of ${count(pairs)} differ`;
    const barWidth = Math.max(step - gap, 0.8);
    return html`<g><title>${told}</title>
<rect x="${x(at)}" y="${rates.top + rates.height - rate}" width="${barWidth}" height="${rate}" fill="var(--differ)" rx="1"/>
<rect x="${x(at)}" y="${bottom - all}" width="${barWidth}" height="${all - bad}" fill="var(--agree)"/>
<rect x="${x(at)}" y="${bottom - bad}" width="${barWidth}" height="${bad}" fill="var(--differ)"/></g>`;
  });
  return html`<svg class="timeline" viewBox="0 0 ${width} ${bottom + 22}" role="img" aria-label="Share of differing answers over time">
${rateTicks.map((rate) => {
  const y = rates.top + rates.height - (rate / rateTop) * rates.height;
  return html`<line class="grid" x1="${left}" x2="${width - right}" y1="${y}" y2="${y}"/><text x="${left - 8}" y="${y + 4}" text-anchor="end">${percent(rate)}</text>`;
})}
<text x="${left - 8}" y="${volumes.top + 10}" text-anchor="end">${count(most)}</text>
<line class="axis" x1="${left}" x2="${width - right}" y1="${bottom}" y2="${bottom}"/>
${bars}
${timeLabels(from, to).map(
  ({ at, anchor, label }) => html`<text x="${x(at)}" y="${bottom + 17}" text-anchor="${anchor}">${label}</text>`,
)}
</svg>`;
}

function timeLabels(from: number | null, to: number | null): { at: number; anchor: string; label: string }[] {
  if (from === null || to === null) return [];
  if (to - from < 1000) return [{ at: from, anchor: "middle", label: clock(from) }];
  const sameDay = day(from) === day(to);
  const label = (at: number): string => (sameDay ? clock(at) : `${day(at)} ${clock(at).slice(0, 5)}`);
  return [
    { at: from, anchor: "start", label: label(from) },
    { at: to, anchor: "end", label: label(to) },
  ];
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 19);
}
