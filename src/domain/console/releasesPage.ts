import { html, type Markup } from "../page/markup.ts";
import { describeChanges } from "../release/combination.ts";
import type { DeploymentRange } from "../release/record.ts";
import { type Lane, lanesOf } from "../release/timeline/lanes.ts";
import { huesOf, timelinePicture } from "../release/timeline/picture.ts";
import { moment, printedBy } from "./frame.ts";

/** Deployments on the page. */
export const releasesShown = 25;
/** Of many models only some are drawn or listed, for nobody reads a thousand lanes. */
const lanesShown = 12;
const linesShown = 12;

/** Which combination was deployed when, the latest first, with what each changed and how to bring it back. */
export function releasesPage(
  ranges: readonly DeploymentRange[],
  { suffix }: { readonly suffix: string },
  now: Date,
): Markup {
  const environments = [...Map.groupBy(ranges, ({ environment }) => environment)];
  const times = ranges.flatMap(({ since, until }) => [since.getTime(), (until ?? since).getTime()]);
  const [start, end] = [Math.min(now.getTime(), ...times), Math.max(now.getTime() + 1, ...times)];
  const lanes = new Map(environments.map(([name, own]) => [name, shownLanes(lanesOf(own.toReversed(), end))]));
  const hueOf = huesOf([...lanes.values()].flat());
  return html`<h1>Releases</h1><p class="lead">Which combination of code and models was deployed when, the latest first. The picture has the models that changed meanwhile. Times are UTC. What is the same has the same colour; dashed is a deployment that did not come to what was intended.</p>
${environments.length === 0 && html`<p class="nothing">Nothing is recorded yet.</p>`}
${environments.map(([name, own]) => environmentTable(name, own, timelinePicture(lanes.get(name) ?? [], start, end, hueOf)))}
${printedBy(`menagerie releases${suffix}`)}`;
}

/** The releases, and the models that changed within them. */
function shownLanes(lanes: readonly Lane[]): Lane[] {
  return lanes.filter(({ kind, bands }) => kind === "release" || bands.length > 1).slice(0, lanesShown + 1);
}

function environmentTable(name: string, own: readonly DeploymentRange[], picture: Markup): Markup {
  return html`<section class="card" aria-label="${`Releases of ${name}`}"><h2>${name}</h2><div class="wide" role="region" aria-label="${`Timeline of ${name}`}" tabindex="0">${picture}</div>
<div class="wide" role="region" aria-label="${`Deployments of ${name}`}" tabindex="0"><table><thead><tr><th scope="col">Release</th><th scope="col">From</th><th scope="col">Until</th><th scope="col">What changed</th><th scope="col">Code</th><th scope="col">By</th><th scope="col">Bring it back</th></tr></thead><tbody>
${own.map((range, place) => row(range, own[place + 1]))}</tbody></table></div></section>`;
}

function row(range: DeploymentRange, before: DeploymentRange | undefined): Markup {
  const { id, environment, tag, since, until, code, requestedBy, outcome, reason, promotedFrom } = range;
  const changes = before ? describeChanges(combinationOf(before), combinationOf(range)) : range.models.map(modelText);
  const restore =
    outcome === "mixed" || until === null ? html`–` : html`<code>menagerie restore ${tag} -s ${environment}</code>`;
  const diff =
    before &&
    html`<div class="tile-note"><code>menagerie releases diff ${before.id} ${id} -s ${environment}</code></div>`;
  return html`<tr><th scope="row">${tag}${until === null && html` <span class="tag good">current</span>`}${promotedFrom !== null && html`<div class="tile-note">from ${promotedFrom}</div>`}</th><td>${moment(since)}</td><td>${until === null ? html`now` : moment(until)}</td>
<td>${changes.slice(0, linesShown).map((line) => html`<div>${line}</div>`)}${changes.length > linesShown && html`<div class="tile-note">and ${changes.length - linesShown} more</div>`}${changes.length === 0 && html`the same combination`}${outcome === "mixed" && html`<div class="warning">not complete: ${reason}</div>`}${diff}</td><td>${code}</td><td>${requestedBy}</td><td>${restore}</td></tr>`;
}

const modelText = ({ name, version }: DeploymentRange["models"][number]): string => `${name}: ${version ?? "?"}`;

/** As `menagerie releases diff` compares them. */
function combinationOf({ code, models }: DeploymentRange) {
  return { code, models: models.map((model) => ({ ...model, version: model.version ?? 0 })) };
}
