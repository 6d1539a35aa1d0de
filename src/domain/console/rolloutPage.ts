import type { EvidenceLook } from "../judgement/evidenceLooks.ts";
import { html, type Markup } from "../page/markup.ts";
import { moment } from "../page/moment.ts";
import { wide } from "../page/wide.ts";
import { describeTraffic, type LastMinute, trafficOf } from "../traffic/lastMinute.ts";
import { describeShownStanding, describeSplit, type ShownStanding } from "../zoo/shownStanding.ts";
import { afterTakeBack, describeTakeBack } from "../zoo/takeBack.ts";
import type { Activity } from "./activity.ts";
import { activityList } from "./activityPage.ts";
import { evidencePlots } from "./evidencePlots.ts";
import { appsLink, printedBy } from "./frame.ts";
import { phaseTrack } from "./phaseTrack.ts";

/** What a rollout's page shows besides where it stands. */
export interface RolloutFacts {
  readonly activities: readonly Activity[];
  readonly minute: LastMinute;
  /** What its judgement knew over time; empty where nobody judges. */
  readonly looks: readonly EvidenceLook[];
}

/** Where one model's rollout stands, what comes next, and how it came there. */
export function rolloutPage(
  standing: ShownStanding,
  { activities, minute, looks }: RolloutFacts,
  { suffix }: { readonly suffix: string },
  now: Date,
): Markup {
  const { name, phase, since, versions, traffic, copyApps, takenBack, evidence } = standing;
  return html`<p class="eyebrow"><a href="/environment">Models</a></p><h1>${name}</h1>
<p class="lead">In phase ${phase} since ${moment(since)} UTC.</p>
${takenBack && html`<p class="alarm" role="status">${describeTakeBack(takenBack, now)}; ${afterTakeBack(takenBack)}.</p>`}
<section class="card" aria-labelledby="way"><h2 id="way">Phases</h2><p class="hint">An edit of the stack’s file moves a rollout by one phase.</p>${phaseTrack(phase)}
${traffic && html`<p>${describeSplit(standing, traffic)}.</p>${splitBar(traffic.weight)}`}
${copyApps > 0 && html`<p>${copyApps} apps try ${name}_copy.</p>`}</section>
<section class="card" aria-labelledby="next"><h2 id="next">Next</h2>${nextEdit(standing, suffix)}</section>
<section class="card" aria-labelledby="versions"><h2 id="versions">Versions</h2>${wide(
    "Table of versions",
    html`<table><thead><tr><th scope="col">Version</th><th scope="col">Id</th><th scope="col">Content</th><th scope="col" class="number">Apps</th><th scope="col">Requests of the last minute</th></tr></thead>
<tbody>${versions.map(
      ({ id, number, hash, isCurrent, apps }) =>
        html`<tr><th scope="row">v${number}${isCurrent && html` <span class="tag">current</span>`}</th><td>${id}</td><td><code title="${hash}">${hash.slice(0, 12)}</code></td><td class="number">${appsLink(name, apps)}</td><td>${describeTraffic(trafficOf(minute, id), "zoo").map((line) => html`<div>${line}</div>`)}</td></tr>`,
    )}</tbody></table>`,
  )}${printedBy(`menagerie status${suffix}`)}</section>
<section class="card" aria-labelledby="judge"><h2 id="judge">Judge</h2>${judge(standing)}${standing.judgement && html`${evidencePlots(looks)}${printedBy(`menagerie rollout ${name}${suffix}`)}`}</section>
<section class="card" aria-labelledby="evidence"><h2 id="evidence">Evidence</h2>${
    evidence.length === 0
      ? html`<p class="nothing">No gate was tried for this content yet.</p>`
      : wide(
          "Table of evidence",
          html`<table><thead><tr><th scope="col">Gate</th><th scope="col">Result</th><th scope="col">At (UTC)</th><th scope="col">Hash</th></tr></thead><tbody>${evidence.map(
            ({ kind, passed, at, evidenceHash }) =>
              html`<tr><th scope="row">${kind}</th><td><span class="tag ${passed ? "good" : "bad"}">${passed ? "passed" : "failed"}</span></td><td>${moment(at)}</td><td><code>${evidenceHash.slice(0, 12)}</code></td></tr>`,
          )}</tbody></table>`,
        )
  }</section>
<section class="card" aria-labelledby="history"><h2 id="history">History</h2>${activities.length === 0 ? html`<p class="nothing">Nothing has moved yet.</p>` : activityList(activities, suffix)}</section>
<section class="card" aria-labelledby="said"><h2 id="said">As the command prints it</h2><pre tabindex="0"><code>${describeShownStanding(standing, { suffix }, now).join("\n")}</code></pre>${printedBy(`menagerie rollout ${name}${suffix}`)}</section>`;
}

/** How much each version answers. The sentence above says the same. */
function splitBar(weight: number): Markup {
  return html`<svg class="split" viewBox="0 0 400 14" aria-hidden="true" preserveAspectRatio="none"><rect width="400" height="14" rx="4" fill="var(--agree)"/><rect width="${(400 * weight) / 100}" height="14" rx="4" fill="var(--primary)"/></svg>`;
}

function nextEdit({ name, next, revert }: ShownStanding, suffix: string): Markup {
  const edit = (set: readonly string[]) =>
    ["config:", "  menagerie:zoo:", `    ${name}:`, ...set.map((each) => `      ${each}`)].join("\n");
  return html`<p>Set this in the stack’s file and run <code>npm run up</code>:</p><pre tabindex="0"><code>${edit(next.set)}</code></pre>
${next.refused !== null && html`<p class="warning">Refused as of now: ${next.refused}.</p>`}
${revert && html`<p>To go back:</p><pre tabindex="0"><code>${edit([revert.set])}</code></pre>${revert.command !== null && html`<p class="hint">Or by hand: <code>${revert.command}${suffix}</code></p>`}`}`;
}

function judge({ judgement }: ShownStanding): Markup {
  if (!judgement) return html`<p class="nothing">Nobody judges this rollout, or not yet.</p>`;
  const { verdict, since, history } = judgement;
  return html`<p><span class="tag ${tones[verdict.decision]}">${verdict.decision}</span>${since && html` since ${moment(since)}`}${verdict.notes.length > 0 && html` (${verdict.notes.join(", ")})`}</p>
${wide(
  "Judged metrics",
  html`<table><thead><tr><th scope="col">Metric</th><th scope="col">Decision</th><th scope="col">What was counted, with its bound</th></tr></thead><tbody>${verdict.metrics.map(
    ({ metric, decision, sentence }) =>
      html`<tr><th scope="row">${metric}</th><td><span class="tag ${tones[decision]}">${decision}</span></td><td>${sentence}</td></tr>`,
  )}</tbody></table>`,
)}
${history.length > 1 && html`<details><summary>${history.length} verdicts</summary><ul class="changes">${history.toReversed().map(({ at, decision, because }) => html`<li>${moment(at)}<p>${decision}${because.length > 0 && html`: ${because.join("; ")}`}</p></li>`)}</ul></details>`}`;
}

const tones = { good: "good", bad: "bad", undecided: "warn" } as const;
