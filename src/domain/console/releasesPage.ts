import { html, type Markup } from "../page/markup.ts";
import { moment } from "../page/moment.ts";
import { wide } from "../page/wide.ts";
import { editText, releaseDifference } from "../release/difference.ts";
import type { ChangingRange, DeploymentRange, RestorableDeployment } from "../release/record.ts";
import { type ReleaseLinks, releasesReport } from "../release/timeline/report.ts";
import { printedBy } from "./frame.ts";

/** Deployments on the page. */
export const releasesShown = 25;
/** Nobody reads a picture of a thousand models. */
const modelsShown = 12;
const differencePath = "/releases/diff";

/** Which combination was deployed when, as `menagerie releases timeline` writes it to a file. */
export function releasesPage(
  ranges: readonly ChangingRange[],
  { suffix }: { readonly suffix: string },
  now: Date,
): Markup {
  return html`${releasesReport(ranges, { now: now.getTime(), rows: releasesShown, models: modelsShown, links })}
${printedBy(`menagerie releases${suffix}`)}`;
}

const links: ReleaseLinks = {
  difference: (before, { id, environment }) => {
    const query = new URLSearchParams({ stack: environment, from: before.id, to: id });
    return html`<a href="${`${differencePath}?${query.toString()}`}">diff</a>`;
  },
  differences: (environment, ranges) => {
    const choice = (name: string, label: string, chosen: number) =>
      html`<label>${label}<select name="${name}">${ranges.map(
        ({ id, tag, since }, place) =>
          html`<option value="${id}"${place === chosen && html` selected`}>${`${tag} (${id}), ${since.toISOString().slice(0, 10)}`}</option>`,
      )}</select></label>`;
    return html`<form class="search" action="${differencePath}" aria-label="${`Compare two deployments of ${environment}`}"><input type="hidden" name="stack" value="${environment}">${choice("from", "From", 1)}${choice("to", "To", 0)}<button>Compare</button></form>`;
  },
};

/** How two deployments of an environment differ, and how to bring either back. */
export function releaseDifferencePage(
  before: RestorableDeployment,
  after: RestorableDeployment,
  { suffix }: { readonly suffix: string },
): Markup {
  const { from, to, changes, config } = releaseDifference(before, after);
  const { environment } = after;
  return html`<p class="eyebrow"><a href="/releases">Releases</a> of ${environment}</p><h1>${from} → ${to}</h1>
<section class="card" aria-labelledby="served"><h2 id="served">What is served</h2>${changes.length === 0 ? html`<p class="nothing">The same combination.</p>` : html`<ul>${changes.map((change) => html`<li>${change}</li>`)}</ul>`}</section>
<section class="card" aria-labelledby="config"><h2 id="config">The stack’s config</h2>${config.length === 0 ? html`<p class="nothing">It says the same.</p>` : wide("Changes of the config", configTable(config.map(editText)))}</section>
<section class="card" aria-labelledby="both"><h2 id="both">The two</h2>${wide("The two deployments", deploymentTable([before, after]))}${printedBy(`menagerie releases diff ${before.id} ${after.id} -s ${environment}${suffix}`)}</section>`;
}

function configTable(edits: readonly ReturnType<typeof editText>[]): Markup {
  return html`<table><thead><tr><th scope="col">Key</th><th scope="col">From</th><th scope="col">To</th></tr></thead><tbody>${edits.map(
    ({ key, from, to }) =>
      html`<tr><th scope="row">${key}</th><td><code>${from}</code></td><td><code>${to}</code></td></tr>`,
  )}</tbody></table>`;
}

function deploymentTable(deployments: readonly DeploymentRange[]): Markup {
  return html`<table><thead><tr><th scope="col">Release</th><th scope="col">From (UTC)</th><th scope="col">Until</th><th scope="col">Code</th><th scope="col">Commit</th><th scope="col">By</th><th scope="col">Bring it back</th></tr></thead><tbody>${deployments.map(
    ({ tag, since, until, code, commit, requestedBy, outcome, reason, environment }) =>
      html`<tr><th scope="row">${tag}${outcome === "mixed" && html`<div class="tile-note">not as intended: ${reason}</div>`}</th><td>${moment(since)}</td><td>${until === null ? "now" : moment(until)}</td><td>${code}</td><td>${commit === null ? "–" : html`<code>${commit.slice(0, 12)}</code>`}</td><td>${requestedBy}</td><td>${outcome === "mixed" || until === null ? "–" : html`<code>menagerie restore ${tag} -s ${environment}</code>`}</td></tr>`,
  )}</tbody></table>`;
}
