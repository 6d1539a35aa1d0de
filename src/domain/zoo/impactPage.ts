import { document } from "../page/document.ts";
import { html, type Markup } from "../page/markup.ts";
import { count } from "../shadow/readable.ts";
import { style } from "../shadow/report/style.ts";
import { outliersTable } from "../shadow/report/tables.ts";
import { describeRequests, type Impact, impactHeadline, pathNames, type VersionImpact } from "./impact.ts";

/** The impact as one static HTML page: no script, no network, both colour schemes. */
export function impactPage(impact: Impact, generatedAt: Date): string {
  const main = html`<p class="eyebrow">Impact of ${impact.subject}</p>
<h1>${impactHeadline(impact)}</h1>
${impact.versions.map(versionSection)}
<footer><p>Made ${generatedAt.toISOString().slice(0, 19).replace("T", " ")} UTC by <code>menagerie impact</code>.</p></footer>`;
  return document({ title: `Impact of ${impact.subject}`, style, main });
}

function versionSection({
  model,
  number,
  hash,
  requests,
  apps,
  weights,
  window,
  compared,
  notCompared,
}: VersionImpact): Markup {
  const until = window.until ? utc(window.until) : "now";
  return html`<section class="card"><h2>${model} version ${number} <code>${hash.slice(0, 12)}</code></h2><p class="hint">${utc(window.since)} to ${until}</p>
<table><tbody>${(["route", "app"] as const).map((path) => html`<tr><th>${pathNames[path]}</th><td>${describeRequests(requests[path])}</td></tr>`)}</tbody></table>
${
  weights.length === 0
    ? undefined
    : html`<table><thead><tr><th>Since</th><th>Of the route</th><th>Copied</th><th>By</th></tr></thead><tbody>${weights.map(({ at, weight, control, by }) => html`<tr><td>${utc(at)}</td><td>${weight} %</td><td>${control} %</td><td>${by}</td></tr>`)}</tbody></table>`
}
<p class="note"><strong>${count(apps.length)} apps</strong></p>
${
  apps.length === 0
    ? undefined
    : html`<table><thead><tr><th>App</th><th>Organization</th><th>From</th><th>To</th></tr></thead><tbody>${apps.map((app) => html`<tr><td>${app.name} (${app.id})</td><td>${app.organization}</td><td>${utc(app.since)}</td><td>${app.until ? utc(app.until) : "now"}</td></tr>`)}</tbody></table>`
}
<p class="note"><strong>Answers</strong> ${compared ? compared.headline : `Not compared: ${notCompared}.`}</p>
${compared && compared.outliers.length > 0 ? outliersTable(compared) : undefined}</section>`;
}

function utc(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
