import { counted } from "../../counted.ts";
import { document } from "../../page/document.ts";
import { html, type Markup } from "../../page/markup.ts";
import { pageStyle } from "../../page/style.ts";
import { count, percent } from "../../shadow/readable.ts";
import type { ModelProof, ProofResult } from "../result.ts";
import { type Verdict, verdictNames } from "../verdict.ts";
import { changeText, measures, proofHeadline, revisionText, valueText } from "./lines.ts";

const style = `${pageStyle}
.equal, .within { background: var(--good-wash); color: var(--good); }
.differs, .fails { background: var(--bad-wash); color: var(--bad); }
h2 .tag { margin-left: 6px; }
table { margin-bottom: 14px; }
`;

/** A proof as one static HTML page: no script, no network, both colour schemes. */
export function proofPage(result: ProofResult): string {
  const title = `Proof of ${revisionText(result.head)} for ${result.stack}`;
  const { falseAlarm, bound } = result.risk;
  const main = html`<p class="eyebrow">${revisionText(result.head)} against ${revisionText(result.base)}, stack ${result.stack}</p>
<h1>${proofHeadline(result)}</h1>
${result.models.map(modelCard)}
${
  result.notes.length === 0
    ? undefined
    : html`<section class="card"><h2>Not compared</h2><ul>${result.notes.map((note) => html`<li>${note}</li>`)}</ul></section>`
}
<footer><p>A model whose two sides answer alike is said to differ at most ${percent(falseAlarm)} of the time; bounds hold with ${percent(1 - bound)}.</p>
<p>Seed ${result.seed}, ${counted(result.repeat, "round")} at least for requests that differ. Made ${result.at.slice(0, 19).replace("T", " ")} UTC by <code>menagerie prove</code>.</p></footer>`;
  return document({ title, style, main });
}

function modelCard(model: ModelProof): Markup {
  const { name, verdict, because, answers, samples, rules, isRedacted } = model;
  return html`<section class="card"><h2>${name} ${tag(verdict)}</h2>
<p class="hint">${changeText(model)}</p>
${because.map((each) => html`<p>${each}</p>`)}
${
  answers === null || answers.fields.length === 0
    ? undefined
    : html`<table><thead><tr><th>Field</th><th class="number">New differs from old</th><th class="number">Old from itself</th><th class="number">p</th><th></th></tr></thead><tbody>${answers.fields
        .slice(0, 30)
        .map(
          ({ field, across, within, p, differs }) =>
            html`<tr><td><code>${field}</code></td><td class="number">${count(across)}</td><td class="number">${count(within)}</td><td class="number">${p < 1e-4 ? "under 0.0001" : p.toFixed(4)}</td><td>${differs ? tag("differs") : ""}</td></tr>`,
        )}</tbody></table>`
}
${(answers?.smallest ?? []).map(
  (request) =>
    html`<table><thead><tr><th colspan="3">Request <code>${request.id}</code>, ${counted(request.bytes, "byte")}</th></tr></thead><tbody>${request.differences.map(
      ({ at, old, new: fresh }) =>
        html`<tr><td><code>${at}</code></td><td>${isRedacted ? html`<code>${valueText(old)}</code>` : "hidden"}</td><td>${isRedacted ? html`<code>${valueText(fresh)}</code>` : "hidden"}</td></tr>`,
    )}</tbody></table>`,
)}
<table><thead><tr><th></th><th>Old</th><th>New</th></tr></thead><tbody>${measures(model).map(
    ([what, old, fresh]) => html`<tr><td>${what}</td><td>${old}</td><td>${fresh}</td></tr>`,
  )}</tbody></table>
<p class="hint">${samples.map(({ place, requests }) => `${place}, ${counted(requests, "request")}`).join("; ")}${rules.text === "" ? "" : ` · ${rules.text}`}</p></section>`;
}

function tag(verdict: Verdict): Markup {
  return html`<span class="tag ${verdict.replace(" ", "-")}">${verdictNames[verdict]}</span>`;
}
