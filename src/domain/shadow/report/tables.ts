import { html, type Markup } from "../../page/markup.ts";
import type { ComparisonResult } from "../comparisonResult.ts";
import type { FieldSummary } from "../fieldStatistics.ts";
import { count, percent } from "../readable.ts";

const fieldsShown = 25;

/**
 * The fields that differ, as bars, with a tick where two copies of the primary differ that often too.
 *
 * @param bodies - whether an example of each is shown
 */
export function fieldsTable(
  { fields, noise }: Pick<ComparisonResult, "fields" | "noise">,
  bodies: "shown" | "hidden",
): Markup {
  if (fields.length === 0) return html`<p class="hint">No field differs.</p>`;
  const rest = fields.length - fieldsShown;
  const example = (field: FieldSummary) => html`<td>${change(field.example.primary, field.example.shadow)}</td>`;
  return html`<table class="stacked"><thead><tr><th scope="col">field</th><th scope="col">share of pairs</th><th scope="col" class="number">pairs</th><td></td>${bodies === "shown" && html`<th scope="col">primary → shadow, for example</th>`}</tr></thead><tbody>
${fields.slice(0, fieldsShown).map(
  (field) => html`<tr><td><code>${field.field}</code></td><td class="bar">${fieldBar(field)}</td>
<td class="number" data-name="pairs">${count(field.mismatches)}<br> <span class="tile-note">${percent(field.rate)}</span></td>
<td>${tagsOf(field)}</td>${bodies === "shown" && example(field)}</tr>`,
)}</tbody></table>
${rest > 0 && html`<p class="hint">and ${count(rest)} more fields</p>`}
${noise !== null && html`<p class="hint">The tick marks how often two copies of the primary differ (${count(noise.pairs)} pairs).</p>`}`;
}

function fieldBar({ rate, noise, isNoise }: FieldSummary): Markup {
  const tick =
    noise !== null &&
    noise.mismatches > 0 &&
    html`<line x1="${noise.rate * 300}" x2="${noise.rate * 300}" y1="-3" y2="13" stroke="var(--ink)" stroke-width="2"/>`;
  return html`<svg viewBox="0 0 300 10" preserveAspectRatio="none" class="thin" aria-hidden="true"><rect width="300" height="10" rx="3" fill="var(--grid)"/><rect width="${Math.max(rate * 300, 1.5)}" height="10" rx="3" fill="var(--${isNoise ? "agree" : "differ"})"/>${tick}</svg>`;
}

function tagsOf({ factor, isNoise, how, mismatches }: FieldSummary): Markup[] {
  const tags: string[] = [];
  if (isNoise) tags.push("noise");
  if (factor) tags.push(`× ${factor.factor}${factor.share < 1 ? ` in ${percent(factor.share)}` : ""}`);
  if (how.absent > 0) tags.push(how.absent >= mismatches && how.value === 0 ? "missing" : "partly missing");
  if (how.kind > 0) tags.push("other type");
  return tags.map((tag) => html`<span class="tag">${tag}</span> `);
}

/** The pairs that differ most, by request id. */
export function outliersTable({ outliers }: Pick<ComparisonResult, "outliers">): Markup {
  if (outliers.length === 0) return html`<p class="hint">None.</p>`;
  return html`<table class="stacked"><thead><tr><th scope="col">request</th><th scope="col">when (UTC)</th><th scope="col" class="number">places</th><th scope="col">primary → shadow</th></tr></thead><tbody>
${outliers.map(
  ({ requestId, at, places, differences }) => html`<tr><td><code>${requestId}</code></td>
<td class="when">${new Date(at).toISOString().slice(0, 19).replace("T", " ")}</td><td class="number" data-name="places">${count(places)}</td>
<td>${differences.map(({ at, primary, shadow }) => html`<div><code>${at}</code> ${change(primary, shadow)}</div>`)}</td></tr>`,
)}</tbody></table>`;
}

/** Pairs by status; left out where every answer was a 200. */
export function statusesTable({ statuses }: Pick<ComparisonResult, "statuses">): Markup | undefined {
  if (statuses.every(({ primary, shadow }) => primary === 200 && shadow === 200)) return undefined;
  return html`<table><thead><tr><th scope="col">primary</th><th scope="col">shadow</th><th scope="col" class="number">pairs</th></tr></thead><tbody>
${statuses.map(
  ({ primary, shadow, pairs }) =>
    html`<tr><td>${primary ?? "no answer"}</td><td>${shadow ?? "no answer"}</td><td class="number">${count(pairs)}</td></tr>`,
)}</tbody></table>`;
}

function change(primary: unknown, shadow: unknown): Markup {
  // Of a number that a double does not hold, the last digit may be what differs.
  const digits = typeof primary === "number" && typeof shadow === "number" ? 12 : undefined;
  const [from, to] = [shown(primary, digits), shown(shadow, digits)];
  const exact = from === to;
  return html`<code><span class="from">${exact ? shown(primary) : from}</span> → <span class="to">${exact ? shown(shadow) : to}</span></code>`;
}

/** `digits` leaves out what binary fractions add at the end of a decimal. */
function shown(value: unknown, digits?: number): string {
  if (typeof value === "number" && digits !== undefined) return String(Number(value.toPrecision(digits)));
  return value === undefined ? "nothing" : (JSON.stringify(value) ?? "nothing");
}
