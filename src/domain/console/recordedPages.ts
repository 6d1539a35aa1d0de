import { html, type Markup } from "../page/markup.ts";
import { moment } from "../page/moment.ts";
import { wide } from "../page/wide.ts";
import { milliseconds } from "../traffic/lastMinute.ts";
import { printedBy } from "./frame.ts";
import { bodyText, type KeptBody, type RecordedEntry, type RecordedExchange } from "./recordings.ts";

/** Requests on one page. */
export const recordedShown = 50;

/** What is recorded. */
export function recordingsPage(schemas: readonly string[]): Markup {
  return html`<h1>Recorded</h1><p class="lead">Requests that recorders keep, of zoo models and of the sides of shadows.</p>
${
  schemas.length === 0
    ? html`<p class="nothing">Nothing is recorded. A model is with <code>recording: {}</code> in the stack’s file.</p>`
    : html`<section class="card"><ul class="changes">${schemas.map((schema) => html`<li><a href="/recorded/${encodeURIComponent(schema)}">${schema}</a></li>`)}</ul></section>`
}`;
}

/** Requests of one recording, the latest first, without bodies. */
export function recordedPage(
  schema: string,
  entries: readonly RecordedEntry[],
  {
    maySeeBodies,
    older,
    suffix,
  }: { readonly maySeeBodies: boolean; readonly older: string | undefined; readonly suffix: string },
): Markup {
  const id = ({ day, requestId, attempt }: RecordedEntry) =>
    maySeeBodies
      ? html`<a href="${`/recorded/${[schema, day, requestId, String(attempt)].map(encodeURIComponent).join("/")}`}">${requestId}</a>`
      : html`${requestId}`;
  const table = html`<section class="card">${wide(
    "Recorded requests",
    html`<table><thead><tr><th scope="col">Request</th><th scope="col">At (UTC)</th><th scope="col">Path</th><th scope="col">Version</th><th scope="col" class="number">Status</th><th scope="col" class="number">Took</th></tr></thead><tbody>${entries.map(
      (entry) =>
        html`<tr><th scope="row">${id(entry)}</th><td>${moment(entry.at)}</td><td><code>${entry.url}</code></td><td>${entry.version ?? "–"}</td><td class="number">${entry.status ?? "–"}${entry.failure !== null && html` <span class="tag bad">${entry.failure}</span>`}</td><td class="number">${milliseconds(entry.latency)}</td></tr>`,
    )}</tbody></table>`,
  )}</section>`;
  return html`<p class="eyebrow"><a href="/recorded">Recorded</a></p><h1>${schema}</h1>
<p class="lead">The latest first. ${maySeeBodies ? "Each look at a request’s bodies is noted in the audit." : "Bodies are for keys with role inspector or operator."}</p>
${entries.length === 0 ? html`<p class="nothing">Nothing is recorded here yet, or nothing of your organization.</p>` : table}
${older !== undefined && html`<nav class="pages" aria-label="More"><a rel="next" href="/recorded/${encodeURIComponent(schema)}?before=${older}">Earlier →</a></nav>`}
${printedBy(`menagerie sample export ${schema} -o FILE${suffix}`)}`;
}

/** One request with its bodies. */
export function exchangePage(
  { schema, requestId, suffix }: { readonly schema: string; readonly requestId: string; readonly suffix: string },
  { at, url, status, failure, latency, version, isRedacted, request, response }: RecordedExchange,
): Markup {
  return html`<p class="eyebrow"><a href="/recorded/${encodeURIComponent(schema)}">${schema}</a></p><h1>${requestId}</h1>
<p class="lead">${moment(at)} UTC, <code>${url}</code>, answered by ${version ?? "an unknown version"} with ${status ?? "nothing"}${failure !== null && ` (${failure})`} in ${milliseconds(latency)}.${isRedacted && " Pseudonyms stand in for some values."}</p>
${body("Request", request)}${body("Answer", response)}
<p class="facts"><span>This view is in the audit: <code>menagerie audit --what recording.view${suffix}</code></span></p>`;
}

function body(name: string, kept: KeptBody): Markup {
  const { text, note } = bodyText(kept);
  return html`<section class="card"><h2>${name}</h2>${note !== "" && html`<p class="hint">${note}</p>`}${text !== "" && html`<pre tabindex="0"><code>${text}</code></pre>`}</section>`;
}
