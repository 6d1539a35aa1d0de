import { document } from "../../page/document.ts";
import { html, type Markup } from "../../page/markup.ts";
import { pageStyle } from "../../page/style.ts";
import type { DeploymentRange } from "../record.ts";
import { lanesOf, wentBack } from "./lanes.ts";
import { type HueOf, huesOf, timelinePicture, timelineStyle } from "./picture.ts";
import { lasting, stamp } from "./timeAxis.ts";

/** Rows of the table; the picture shows them all. */
const rowsShown = 50;

/**
 * A page with the timeline of each environment: which release was current when, and which version of each model. It needs no
 * network and no script, and follows the reader's light or dark theme.
 *
 * @param ranges of one environment or several, in any order
 * @param now end of what is current, in milliseconds since 1970
 */
export function timelinePage(ranges: readonly DeploymentRange[], now: number): string {
  const sorted = [...ranges].sort((a, b) => a.since.getTime() - b.since.getTime() || Number(a.id) - Number(b.id));
  const environments = [...Map.groupBy(sorted, ({ environment }) => environment)];
  const start = Math.min(now, ...sorted.map(({ since }) => since.getTime()));
  const end = Math.max(now, ...sorted.map(({ since, until }) => (until ?? since).getTime()), start + 1);
  const lanes = new Map(environments.map(([name, own]) => [name, lanesOf(own, end)]));
  const hueOf = huesOf([...lanes.values()].flat());
  const main = html`<p class="eyebrow">Releases, ${stamp(start)} to ${stamp(end)} UTC</p>
<h1>${headline(environments)}</h1>
<p class="hint">What is the same has the same colour, wherever it was deployed. ↩ is a release that was brought back; dashed is a deployment that did not come to what was intended.</p>
${environments.map(([name, own]) =>
  section(name, own, end, hueOf, timelinePicture(lanes.get(name) ?? [], start, end, hueOf)),
)}`;
  return document({ title: "Releases", style, main });
}

function headline(environments: readonly (readonly [string, readonly DeploymentRange[]])[]): string {
  const current = environments.map(([name, own]) => `${name} runs ${own.at(-1)?.tag}`);
  return current.length === 0 ? "Nothing was deployed yet." : current.join(", ");
}

function section(name: string, ranges: readonly DeploymentRange[], end: number, hueOf: HueOf, picture: Markup): Markup {
  const tags = new Set(ranges.map(({ tag }) => tag));
  const back = ranges.filter((range) => wentBack(ranges, range)).length;
  const mixed = ranges.filter(({ outcome }) => outcome === "mixed").length;
  const last = ranges.at(-1);
  const told = [
    ...[several(ranges.length, "deployment"), several(tags.size, "release")],
    ...(back > 0 ? [`${back} brought back`] : []),
    ...(mixed > 0 ? [`${mixed} not as intended`] : []),
    ...(last ? [`the current one for ${lasting(end - last.since.getTime())}`] : []),
  ];
  return html`<section class="card"><h2>${name}</h2><p class="hint">${told.join(" · ")}</p>
<div class="picture">${picture}</div>
${table(ranges, end, hueOf)}</section>`;
}

function table(ranges: readonly DeploymentRange[], end: number, hueOf: HueOf): Markup {
  const rows = ranges
    .map((range, index) => row(range, ranges[index - 1], end, hueOf, wentBack(ranges, range)))
    .toReversed()
    .slice(0, rowsShown);
  const rest = ranges.length - rows.length;
  return html`<div class="picture"><table><thead><tr><th scope="col">Release</th><th scope="col">From (UTC)</th><th scope="col" class="number">For</th><th scope="col">Models</th><th scope="col">Code</th><th scope="col">By</th></tr></thead><tbody>
${rows}</tbody></table></div>
${rest > 0 && html`<p class="hint">and ${rest} before them</p>`}`;
}

function row(
  range: DeploymentRange,
  before: DeploymentRange | undefined,
  end: number,
  hueOf: HueOf,
  isBack: boolean,
): Markup {
  const notes = [
    isBack ? "↩ brought back" : null,
    range.outcome === "mixed" ? `not as intended: ${range.reason}` : null,
    range.promotedFrom === null ? null : `from ${range.promotedFrom}`,
  ].filter((note) => note !== null);
  const models = range.models.map(({ name, version, hash }) => {
    const same = before?.models.some(
      (other) => other.name === name && other.version === version && other.hash === hash,
    );
    return html`<span class="tag${same ? "" : " new"}">${name} ${version === null ? "?" : `v${version}`}</span> `;
  });
  return html`<tr><td class="release"><span class="hue hue-${hueOf(range.tag)}"></span>${range.tag}${notes.map((note) => html`<div class="tile-note">${note}</div>`)}</td>
<td class="when">${stamp(range.since.getTime())}</td><td class="number">${lasting((range.until?.getTime() ?? end) - range.since.getTime())}</td>
<td>${models}</td><td>${range.code}</td><td>${range.requestedBy}</td></tr>`;
}

function several(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

const style = `${pageStyle}${timelineStyle}
.picture { overflow-x: auto; margin-top: 6px; }
td.release { font-weight: 600; } td.release .tile-note { font-weight: 400; margin-left: 18px; max-width: 40ch; }
td.when { white-space: nowrap; }
.tag.new { color: var(--primary-text); font-weight: 640; }
.card table { margin-top: 14px; }
`;
