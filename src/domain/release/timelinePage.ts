import type { DeploymentRange } from "./record.ts";

/** One band of a lane. Times in milliseconds since 1970. */
interface Band {
  readonly label: string;
  readonly title: string;
  readonly from: number;
  readonly to: number;
  /** Not as it was intended. */
  readonly mixed: boolean;
}

interface Lane {
  readonly name: string;
  readonly kind: "release" | "model";
  readonly bands: readonly Band[];
}

const [left, width, laneHeight, gap, axis] = [150, 1000, 24, 6, 28];
/** A band is never thinner than this, in pixels, so that short ones are seen. */
const thinnest = 3;
/** Pixels of a letter in a band. */
const letter = 6.6;

/**
 * A page with the timeline of each environment: which release was current when, and which version of each model. It needs no
 * network and no script, and follows the reader's light or dark theme.
 *
 * @param ranges of one environment or several, in any order
 * @param now end of what is current, in milliseconds since 1970
 */
export function timelinePage(ranges: readonly DeploymentRange[], now: number): string {
  const environments = Map.groupBy(
    [...ranges].sort((a, b) => a.since.getTime() - b.since.getTime() || Number(a.id) - Number(b.id)),
    ({ environment }) => environment,
  );
  const start = Math.min(now, ...ranges.map(({ since }) => since.getTime()));
  const end = Math.max(now, ...ranges.map(({ since, until }) => (until ?? since).getTime()), start + 1);
  const sections = [...environments].map(
    ([name, own]) => `<section>
<h2>${escaped(name)}</h2>
${picture(lanesOf(own, end), start, end)}
${table(own)}
</section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Releases</title>
<style>${css}</style>
</head>
<body>
<h1>Releases</h1>
<p>From ${stamp(start)} to ${stamp(end)}, in UTC. Dashed: a deployment that did not come to what was intended.</p>
${sections.join("\n") || "<p>Nothing was deployed yet.</p>"}
</body>
</html>
`;
}

function lanesOf(ranges: readonly DeploymentRange[], end: number): Lane[] {
  const to = ({ until }: DeploymentRange): number => until?.getTime() ?? end;
  const releases = ranges.map((range) => ({
    ...{ label: range.tag, from: range.since.getTime(), to: to(range), mixed: range.outcome === "mixed" },
    title: `${range.tag}, ${range.outcome}, ${range.requestedBy}`,
  }));
  const names = [...new Set(ranges.flatMap(({ models }) => models.map(({ name }) => name)))].sort();
  const models = names.map((name) => ({
    ...{ name, kind: "model" as const },
    bands: joined(
      ranges.flatMap((range) => {
        const model = range.models.find((each) => each.name === name);
        if (!model) return [];
        const label = model.version === null ? "?" : `v${model.version}`;
        const title = `${name} ${label} ${(model.hash ?? model.source).slice(0, 24)}`;
        return [{ label, title, from: range.since.getTime(), to: to(range), mixed: false }];
      }),
    ),
  }));
  return [{ name: "release", kind: "release", bands: joined(releases) }, ...models];
}

/** Bands that say the same and touch are one. */
function joined(bands: readonly Band[]): Band[] {
  const result: Band[] = [];
  for (const band of bands) {
    const last = result.at(-1);
    if (last && last.title === band.title && last.to === band.from)
      result[result.length - 1] = { ...last, to: band.to };
    else result.push(band);
  }
  return result;
}

function picture(lanes: readonly Lane[], start: number, end: number): string {
  const x = (time: number): number => left + ((time - start) / (end - start)) * width;
  const height = lanes.length * (laneHeight + gap) + axis;
  const rows = lanes.map(({ name, kind, bands }, index) => {
    const y = index * (laneHeight + gap);
    const drawn = bands.map((band) =>
      bandShape(band, kind, x(band.from), Math.max(thinnest, x(band.to) - x(band.from)), y),
    );
    return `<text class="name" x="${left - 8}" y="${y + 16}">${escaped(shortened(name, left - 12))}</text>${drawn.join("")}`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = left + part * width;
    const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
    return `<line x1="${at}" x2="${at}" y1="0" y2="${height - axis}"/><text class="tick" text-anchor="${anchor}" x="${at}" y="${height - 10}">${stamp(start + part * (end - start))}</text>`;
  });
  return `<div class="scroll"><svg role="img" aria-label="timeline" viewBox="0 0 ${left + width + 4} ${height}" width="${left + width + 4}" height="${height}">${ticks.join("")}${rows.join("")}</svg></div>`;
}

function bandShape(band: Band, kind: Lane["kind"], x: number, wide: number, y: number): string {
  const hue = hueOf(kind === "release" ? band.label : band.title);
  const text = shortened(band.label, wide - 8);
  const label = text === "" ? "" : `<text x="${(x + 4).toFixed(1)}" y="${y + 16}">${escaped(text)}</text>`;
  return `<g class="${kind}${band.mixed ? " mixed" : ""}" style="--hue:${hue}"><title>${escaped(`${band.title}, ${stamp(band.from)} to ${stamp(band.to)}`)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${laneHeight}" rx="3"/>${label}</g>`;
}

/** As much of a text as fits; nothing where not even two letters do. */
function shortened(text: string, pixels: number): string {
  const letters = Math.floor(pixels / letter);
  if (text.length <= letters) return text;
  return letters < 2 ? "" : `${text.slice(0, letters - 1)}…`;
}

function table(ranges: readonly DeploymentRange[]): string {
  const rows = ranges.toReversed().map((range) => {
    const models = range.models
      .map(({ name, version }) => `${name} ${version === null ? "?" : `v${version}`}`)
      .join(", ");
    const note = [range.outcome === "mixed" ? range.reason : null, range.promotedFrom && `from ${range.promotedFrom}`];
    const cells = [
      ...[range.tag, stamp(range.since.getTime()), range.until ? stamp(range.until.getTime()) : "now", models],
      ...[range.code, range.requestedBy, note.filter(Boolean).join("; ")],
    ];
    return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${["Release", "From", "Until", "Models", "Code", "By", ""].map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function stamp(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace("T", " ");
}

/** The same text has the same colour in every environment. */
function hueOf(text: string): number {
  let hash = 7;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 3600;
  return hash % 360;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

const css = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d8dee6; --paper: #ffffff; --light: 84%; --edge: 55%; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf2; --soft: #9aa6b5; --line: #323b47; --paper: #14181e; --light: 28%; --edge: 50%; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; } p { color: var(--soft); }
.scroll { overflow-x: auto; }
svg text { font: 11.5px system-ui, sans-serif; fill: var(--ink); pointer-events: none; }
svg .name { text-anchor: end; font-weight: 600; } svg .tick { fill: var(--soft); } svg line { stroke: var(--line); }
svg rect { fill: hsl(var(--hue) 60% var(--light)); stroke: hsl(var(--hue) 45% var(--edge)); }
svg .mixed rect { stroke-dasharray: 4 3; stroke-width: 2; }
table { border-collapse: collapse; width: 100%; margin-top: .8rem; font-size: 13px; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td:nth-child(4), td:last-child { white-space: normal; } th { color: var(--soft); font-weight: 600; }
`;
