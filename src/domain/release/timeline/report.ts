import { counted } from "../../counted.ts";
import { html, type Markup } from "../../page/markup.ts";
import { moment } from "../../page/moment.ts";
import { wide } from "../../page/wide.ts";
import { describeChanges } from "../combination.ts";
import { type ChangingRange, combinationOf, type DeploymentRange } from "../record.ts";
import { type Lane, lanesOf, wentBack } from "./lanes.ts";
import { type HueOf, huesOf, timelinePicture } from "./picture.ts";
import { lasting, stamp } from "./timeAxis.ts";

/** Lines of one release; nobody reads the changes of a thousand models in a table. */
const linesShown = 12;

export interface ReleasesShown {
  /** End of what is current, in milliseconds since 1970. */
  readonly now: number;
  /** Rows of each environment's table; the picture has all deployments. */
  readonly rows: number;
  /** Models in the picture, of those that changed meanwhile. @default all models, also those that stayed as they are */
  readonly models?: number | undefined;
  /** What leads to more of it, where somebody answers. @default nothing, as in a file */
  readonly links?: ReleaseLinks | undefined;
}

export interface ReleaseLinks {
  /** To how a deployment differs from the one before it. */
  difference(before: DeploymentRange, range: DeploymentRange): Markup;
  /** To how any two of an environment's differ; the latest first. */
  differences(environment: string, ranges: readonly DeploymentRange[]): Markup;
}

/**
 * Which combination of code and models was current when, the latest first: as a picture, and with what each changed, how long it was current and how
 * to bring it back. The console shows it, and a file has the same.
 *
 * @param ranges of one environment or several, in any order
 */
export function releasesReport(ranges: readonly ChangingRange[], { now, rows, models, links }: ReleasesShown): Markup {
  const sorted = [...ranges].sort((a, b) => a.since.getTime() - b.since.getTime() || Number(a.id) - Number(b.id));
  const environments = [...Map.groupBy(sorted, ({ environment }) => environment)];
  const start = Math.min(now, ...sorted.map(({ since }) => since.getTime()));
  const end = Math.max(now, ...sorted.map(({ since, until }) => (until ?? since).getTime()), start + 1);
  const lanes = new Map(environments.map(([name, own]) => [name, shownLanes(lanesOf(own, end), models)]));
  const hueOf = huesOf([...lanes.values()].flat());
  const missing = models === undefined ? "" : " The picture has models that changed meanwhile.";
  return html`<h1>Releases</h1><p class="lead">${headline(environments)}</p>
<p class="hint">${`${stamp(start)} to ${stamp(end)} UTC.${missing} What is the same has the same colour, wherever it was deployed. ↩ is a release that was brought back; dashed is a deployment that did not come to what was intended.`}</p>
${environments.map(([name, own]) => {
  const picture = timelinePicture(lanes.get(name) ?? [], start, end, hueOf);
  return section(name, own, picture, { end, rows, hueOf, links });
})}`;
}

/** The releases, and the models. */
function shownLanes(lanes: readonly Lane[], models: number | undefined): Lane[] {
  if (models === undefined) return [...lanes];
  return lanes.filter(({ kind, bands }) => kind === "release" || bands.length > 1).slice(0, models + 1);
}

function headline(environments: readonly (readonly [string, readonly DeploymentRange[]])[]): string {
  const current = environments.map(([name, own]) => `${name} runs ${own.at(-1)?.tag}`);
  return current.length === 0 ? "Nothing was deployed yet." : `${current.join(", ")}.`;
}

interface Drawn {
  readonly end: number;
  readonly rows: number;
  readonly hueOf: HueOf;
  readonly links: ReleaseLinks | undefined;
}

function section(name: string, ranges: readonly ChangingRange[], picture: Markup, drawn: Drawn): Markup {
  const tags = new Set(ranges.map(({ tag }) => tag));
  const back = ranges.filter((range) => wentBack(ranges, range)).length;
  const mixed = ranges.filter(({ outcome }) => outcome === "mixed").length;
  const last = ranges.at(-1);
  const facts = [
    ...[counted(ranges.length, "deployment"), counted(tags.size, "release")],
    ...(back > 0 ? [`${back} brought back`] : []),
    ...(mixed > 0 ? [`${mixed} not as intended`] : []),
    ...(last ? [`the current one for ${lasting(drawn.end - last.since.getTime())}`] : []),
  ];
  return html`<section class="card" aria-label="${`Releases of ${name}`}"><h2>${name}</h2><p class="hint">${facts.join(" · ")}</p>
${wide(`Timeline of ${name}`, picture)}
${table(name, ranges, drawn)}${ranges.length > 1 && drawn.links?.differences(name, ranges.toReversed())}</section>`;
}

function table(name: string, ranges: readonly ChangingRange[], drawn: Drawn): Markup {
  const shown = ranges
    .map((range, place) => row(range, ranges[place - 1], wentBack(ranges, range), drawn))
    .toReversed()
    .slice(0, drawn.rows);
  const rest = ranges.length - shown.length;
  const content = html`<table><thead><tr><th scope="col">Release</th><th scope="col">From (UTC)</th><th scope="col" class="number">For</th><th scope="col">What changed</th><th scope="col">Code</th><th scope="col">By</th><th scope="col">Bring it back</th></tr></thead><tbody>
${shown}</tbody></table>`;
  return html`${wide(`Deployments of ${name}`, content)}${rest > 0 && html`<p class="hint">and ${rest} before them</p>`}`;
}

function row(
  range: ChangingRange,
  before: DeploymentRange | undefined,
  isBack: boolean,
  { end, hueOf, links }: Drawn,
): Markup {
  const { id, environment, tag, since, until, code, requestedBy, outcome, reason, promotedFrom, alike = 0 } = range;
  const notes = [
    isBack ? "↩ brought back" : null,
    outcome === "mixed" ? `not as intended: ${reason}` : null,
    promotedFrom === null ? null : `from ${promotedFrom}`,
  ].filter((note) => note !== null);
  const changes = before ? describeChanges(combinationOf(before), combinationOf(range)) : range.models.map(modelText);
  const diff =
    before &&
    html`<div class="tile-note">${links && html`${links.difference(before, range)} `}<code>menagerie releases diff ${before.id} ${id} -s ${environment}</code></div>`;
  const canRestore = outcome !== "mixed" && until !== null;
  return html`<tr><th scope="row" class="release"><span class="hue hue-${hueOf(tag)}"></span>${tag}${until === null && html` <span class="tag good">current</span>`}${notes.map((note) => html`<div class="tile-note">${note}</div>`)}</th>
<td class="when">${moment(since)}</td><td class="number">${lasting((until?.getTime() ?? end) - since.getTime())}</td>
<td>${changes.slice(0, linesShown).map((line) => html`<div>${line}</div>`)}${changes.length > linesShown && html`<div class="tile-note">and ${changes.length - linesShown} more</div>`}${!before && alike > 0 && html`<div class="tile-note">${counted(alike, "model")} that no later one changed</div>`}${before && changes.length === 0 && "the same combination"}${diff}</td><td>${code}</td><td>${requestedBy}</td><td>${canRestore ? html`<code>menagerie restore ${tag} -s ${environment}</code>` : "–"}</td></tr>`;
}

const modelText = ({ name, version }: DeploymentRange["models"][number]): string =>
  `${name} ${version === null ? "?" : `v${version}`}`;
