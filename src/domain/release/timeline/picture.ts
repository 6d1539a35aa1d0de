import { html, type Markup } from "../../page/markup.ts";
import type { Band, Lane } from "./lanes.ts";
import { stamp, timeMarks } from "./timeAxis.ts";

const [left, width, axis, gap] = [128, 900, 30, 8];
const heights = { release: 34, model: 22 };
/** A band is never thinner than this, in pixels, so that short ones are seen. */
const thinnest = 3;
/** Pixels of a letter in a band. */
const letters = { release: 7.6, model: 6.8 };

/** Hue of a content, in degrees: one that {@link timelineStyle} has. */
export type HueOf = (content: string) => number;

/** Degrees from one hue to the next. */
const step = 10;

/** The lanes over time, as a picture. Times in milliseconds since 1970. */
export function timelinePicture(lanes: readonly Lane[], start: number, end: number, hueOf: HueOf): Markup {
  const x = (time: number): number => left + ((time - start) / (end - start)) * width;
  let y = 0;
  const rows = lanes.map((lane) => {
    const top = y;
    y += heights[lane.kind] + gap;
    return html`<text class="name ${lane.kind}" x="${left - 12}" y="${top + heights[lane.kind] / 2 + 4}">${fitting(lane.name, left - 16, letters.model)}</text>
${lane.bands.map((band) => bandShape(band, lane.kind, x(band.from), Math.max(thinnest, x(band.to) - x(band.from) - 1), top, hueOf))}`;
  });
  const height = y + axis;
  const marks = timeMarks(start, end, 8).map(({ at, label }) => {
    const place = x(at).toFixed(1);
    return html`<line class="grid" x1="${place}" x2="${place}" y1="-4" y2="${y}"/><text text-anchor="middle" x="${place}" y="${y + 16}">${label}</text>`;
  });
  return html`<svg role="img" aria-label="What was deployed over time" class="lanes" viewBox="0 -6 ${left + width + 4} ${height}">
${marks}<line class="axis" x1="${left}" x2="${left + width}" y1="${y}" y2="${y}"/>
${rows}</svg>`;
}

function bandShape(band: Band, kind: Lane["kind"], x: number, wide: number, y: number, hueOf: HueOf): Markup {
  const height = heights[kind];
  const text = fitting(band.label, wide - 12, letters[kind]);
  return html`<g class="${kind}${band.mixed ? " mixed" : ""} hue-${hueOf(band.content)}"><title>${`${band.title}, ${stamp(band.from)} to ${stamp(band.to)}`}</title>
<rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${height}" rx="${Math.min(6, wide / 2)}"/>${text !== "" && html`<text x="${(x + 8).toFixed(1)}" y="${y + height / 2 + 4}">${text}</text>`}</g>`;
}

/** As much of a text as fits; nothing where not even two letters do. */
function fitting(text: string, pixels: number, letter: number): string {
  const room = Math.floor(pixels / letter);
  if (text.length <= room) return text;
  return room < 2 ? "" : `${text.slice(0, room - 1)}…`;
}

/** The same content has the same colour in every environment, and those of a lane that follow each other are far apart. */
export function huesOf(lanes: readonly Lane[]): HueOf {
  const byName = Map.groupBy(lanes, ({ name }) => name);
  const hues = [...byName.values()].flatMap((own, lane) => {
    const bands = own.flatMap((each) => each.bands).sort((a, b) => a.from - b.from);
    const contents = [...new Set(bands.map(({ content }) => content))];
    return contents.map(
      (content, index) => [content, (Math.round((210 + lane * 40 + index * 137.508) / step) * step) % 360] as const,
    );
  });
  const hueOf = new Map(hues);
  return (content) => hueOf.get(content) ?? 0;
}

/** A class for each hue: pages may not carry styles of their own where a policy refuses these. */
const hues = Array.from({ length: 360 / step }, (_, index) => `.hue-${index * step} { --hue: ${index * step}; }`).join(
  " ",
);

/** What a picture of lanes looks like, and a dot beside a text about one of them. */
export const timelineStyle = `
:root { --fill: 88%; --edge: 62%; --text: 24%; --vivid: 70%; }
@media (prefers-color-scheme: dark) { :root { --fill: 22%; --edge: 42%; --text: 84%; --vivid: 45%; } }
${hues}
svg.lanes { min-width: 720px; }
svg.lanes .name { text-anchor: end; fill: var(--ink); } svg.lanes .name.release { font-weight: 640; }
svg.lanes rect { fill: hsl(var(--hue) var(--vivid) var(--fill)); stroke: hsl(var(--hue) 50% var(--edge)); }
svg.lanes g text { fill: hsl(var(--hue) 60% var(--text)); pointer-events: none; }
svg.lanes .release text { font-weight: 640; font-size: 13px; }
svg.lanes .mixed rect { stroke-dasharray: 5 3; stroke-width: 2; }
svg.lanes g:hover rect { stroke-width: 2; }
.hue { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px; background: hsl(var(--hue) 60% var(--edge)); }
th.release { color: var(--ink); font-weight: 600; } th.release .tile-note { font-weight: 400; white-space: normal; max-width: 40ch; }
.card .wide + .wide { margin-top: 14px; } td.when { white-space: nowrap; }
`;
