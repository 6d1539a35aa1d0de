import { html, type Markup } from "../page/markup.ts";
import { wide } from "../page/wide.ts";
import type { ComparisonResult } from "../shadow/comparisonResult.ts";
import { comparedSubject, type DeployedShadow } from "../shadow/deployed.ts";
import { evidenceOf } from "../shadow/evidence.ts";
import { count } from "../shadow/readable.ts";
import { reportBodies, reportCounts, reportFoot, reportHead, reportSubject } from "../shadow/report/sections.ts";
import { printedBy } from "./frame.ts";
import type { ComparedPairs } from "./ports.ts";

/** A time before now that pages compare. */
export interface Since {
  /** As the command takes it. */
  readonly name: string;
  readonly shown: string;
  /** Null for everything that is kept. */
  readonly withinMs: number | null;
}

const hour = 3_600_000;
const times: readonly Since[] = [
  { name: "1h", shown: "last hour", withinMs: hour },
  { name: "24h", shown: "last day", withinMs: 24 * hour },
  { name: "7d", shown: "last week", withinMs: 7 * 24 * hour },
  { name: "all", shown: "all that is kept", withinMs: null },
];

/** The time with a name; the last hour for any other. */
export function sinceNamed(name: string | null): Since {
  return times.find((each) => each.name === name) ?? (times[0] as Since);
}

/** What the pages of one shadow are about. */
export interface ShadowNotes {
  /** Of the shadow deployment. */
  readonly name: string;
  readonly shadow: string;
  readonly deployment: DeployedShadow;
  readonly since: Since;
  readonly suffix: string;
  /** Whether whoever reads this sees what clients sent and models answered. */
  readonly mayReadBodies: boolean;
}

/** The shadow deployments of the stack; undefined where it cannot be asked. */
export function shadowsPage(
  shadows: Readonly<Record<string, DeployedShadow>> | undefined,
  { suffix }: { readonly suffix: string },
): Markup {
  const all = Object.entries(shadows ?? {});
  return html`<h1>Shadow</h1><p class="lead">Models that get copies of a primary’s requests, and whose answers are compared with its own.</p>
${shadows === undefined && html`<p class="warning">What the stack declares cannot be read here, so its shadow deployments are not shown.</p>`}
${shadows && all.length === 0 && html`<p class="nothing">There is no shadow deployment. Declare one under <code>menagerie:shadows</code> in the stack’s file.</p>`}
${all.length > 0 && html`<section class="card">${wide("Shadow deployments", html`<table><thead><tr><th scope="col">Deployment</th><th scope="col">Primary</th><th scope="col">Shadow</th><th scope="col">Content</th><th scope="col" class="number">Mirrored</th><th scope="col">Gate</th></tr></thead><tbody>${all.flatMap(([name, deployment]) => Object.keys(deployment.shadows).map((shadow) => shadowRow(name, shadow, deployment)))}</tbody></table>`)}</section>`}
${printedBy(`menagerie compare <name>${suffix}`)}`;
}

function shadowRow(name: string, shadow: string, { primary, shadows, percent, gate, noise }: DeployedShadow): Markup {
  const gateText = gate ? `at most ${gate.maxMismatch * 100} % of ${count(gate.minPairs)} pairs or more` : "–";
  return html`<tr><th scope="row">${name}</th><td>${primary.service} <code>${primary.version}</code></td><td><a href="${pathOf(name, shadow)}">${shadow}</a>${noise && html` <span class="tag">noise floor</span>`}</td><td><code>${shadows[shadow]?.version ?? "–"}</code></td><td class="number">${percent} %</td><td>${gateText}</td></tr>`;
}

/** What a shadow’s answers and those of its primary have in common: counts, and which fields differ. */
export function comparisonPage(result: ComparisonResult, notes: ShadowNotes & { readonly now: Date }): Markup {
  const { name, shadow, deployment, since, mayReadBodies, now } = notes;
  const subject = comparedSubject(name, deployment, shadow);
  const told = reportSubject(subject, evidenceOf(subject, result), now);
  const pairs = html`<a href="${pathOf(name, shadow)}/pairs?since=${since.name}">the pairs that differ most, side by side</a>`;
  return html`${filters(notes)}
${reportHead(told, result)}
<p>${mayReadBodies ? html`See ${pairs}; the audit notes each time.` : html`Keys of role inspector see the pairs that differ, side by side.`}</p>
${reportCounts(result, "hidden")}
${reportFoot(told)}
${printedBy(commandOf(notes))}`;
}

/** The pairs that differ most, side by side. */
export function comparedPairsPage(
  { result, conversations }: ComparedPairs,
  notes: ShadowNotes & { readonly field: string | undefined },
): Markup {
  const { name, shadow, field } = notes;
  const isOfField = (at: string): boolean => field === undefined || at.replaceAll(/\[\d+\]/g, "[*]") === field;
  const outliers = result.outliers.filter(({ differences }) => differences.some(({ at }) => isOfField(at)));
  const shown = new Set(outliers.map(({ requestId }) => requestId));
  const said = conversations.filter(({ requestId }) => field === undefined || shown.has(requestId));
  return html`${filters(notes, "/pairs")}
<p class="eyebrow"><a href="${pathOf(name, shadow)}?since=${notes.since.name}">${shadow} of ${name}</a></p><h1>Pairs that differ</h1>
<p class="lead">What clients sent and what both models answered. The audit notes that you look at it.</p>
${fieldFilter(result, notes, field)}
${reportBodies({ outliers }, said)}
${printedBy(`${commandOf(notes)} --report FILE`)}`;
}

/** A time with more pairs than a page compares. */
export function tooMuchPage(notes: ShadowNotes): Markup {
  return html`${filters(notes)}<h1>${notes.shadow} of ${notes.name}</h1>
<p class="warning">There are more pairs in this time than a page compares in 5 s. Choose a shorter time, or run the command, which takes the time it needs.</p>
${printedBy(commandOf(notes))}`;
}

function fieldFilter(
  result: ComparisonResult,
  { name, shadow, since }: ShadowNotes,
  chosen: string | undefined,
): Markup {
  const fields = result.fields.map(({ field }) => field).slice(0, 100);
  if (fields.length === 0) return html``;
  const option = (value: string, text: string) =>
    html`<option value="${value}"${value === (chosen ?? "") && html` selected`}>${text}</option>`;
  return html`<form class="search" action="${pathOf(name, shadow)}/pairs"><input type="hidden" name="since" value="${since.name}"><label>Field <select name="field">${option("", "any")}${fields.map((field) => option(field, field))}</select></label><button>Show</button></form>`;
}

function filters({ name, shadow, deployment, since }: ShadowNotes, part = ""): Markup {
  const others = Object.keys(deployment.shadows).filter((each) => each !== shadow);
  const time = (each: Since) =>
    html`<li><a href="${pathOf(name, shadow)}${part}?since=${each.name}"${each === since && html` aria-current="true"`}>${each.shown}</a></li>`;
  return html`<nav aria-label="Time and shadow"><ul class="filters"><li><a href="/shadow">Shadow</a></li>${times.map(time)}${others.map((each) => html`<li><a href="${pathOf(name, each)}?since=${since.name}">shadow ${each}</a></li>`)}</ul></nav>`;
}

function commandOf({ name, shadow, since, suffix }: ShadowNotes): string {
  return `menagerie compare ${name} --shadow ${shadow}${since.withinMs === null ? "" : ` --since ${since.name}`}${suffix}`;
}

function pathOf(name: string, shadow: string): string {
  return `/shadow/${encodeURIComponent(name)}/${encodeURIComponent(shadow)}`;
}
