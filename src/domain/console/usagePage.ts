import { type Limits, limitsText } from "../limits/limits.ts";
import type { UsageRow } from "../limits/usage.ts";
import { html, type Markup } from "../page/markup.ts";
import { count } from "../shadow/readable.ts";
import { printedBy } from "./frame.ts";

export interface UsageNotes {
  /** First UTC day. */
  readonly since: string;
  /** Last UTC day. */
  readonly until: string;
  readonly suffix: string;
  readonly limits: readonly { readonly name: string; readonly limits: Limits }[];
}

/** Rows of the table; the pictures and the sums are of all. */
const rowsShown = 500;

/** Requests and tokens by organization and day, with what each organization may ask. */
export function usagePage(rows: readonly UsageRow[], { since, until, suffix, limits }: UsageNotes): Markup {
  const days = daysBetween(since, until);
  const byOrganization = [...Map.groupBy(rows, ({ organization }) => organization)].sort(
    ([, a], [, b]) => sum(b, "requests") - sum(a, "requests"),
  );
  const unused = limits.filter(({ name }) => !byOrganization.some(([used]) => used === name));
  return html`<h1>Usage</h1><p class="lead">Requests and tokens from ${since} to ${until}, by UTC day.</p>
<section class="card" aria-labelledby="organizations"><h2 id="organizations">Organizations</h2><div class="wide" role="region" aria-label="Table of organizations" tabindex="0"><table><thead><tr><th scope="col">Organization</th><th scope="col">Requests by day</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Tokens in</th><th scope="col" class="number">Tokens out</th><th scope="col">Limits</th></tr></thead><tbody>
${byOrganization.map(([name, own]) => organizationRow(name, own, days, limits))}
${unused.map(({ name, limits: own }) => html`<tr><th scope="row">${name}</th><td>–</td><td class="number">0</td><td class="number">0</td><td class="number">0</td><td>${limitsText(own)}</td></tr>`)}
</tbody></table></div>${printedBy(`menagerie organization list${suffix}`)}</section>
<section class="card" aria-labelledby="days"><h2 id="days">By day, app and model</h2>${rows.length === 0 ? html`<p class="nothing">No request was counted.</p>` : dayTable(rows)}${printedBy(`menagerie usage --since ${since}${suffix}`)}</section>`;
}

function organizationRow(
  name: string,
  own: readonly UsageRow[],
  days: readonly string[],
  limits: UsageNotes["limits"],
): Markup {
  const limit = limits.find((each) => each.name === name);
  return html`<tr><th scope="row">${name}</th><td>${sparkline(own, days)}</td><td class="number">${count(sum(own, "requests"))}</td><td class="number">${count(sum(own, "tokensIn"))}</td><td class="number">${count(sum(own, "tokensOut"))}</td><td>${limitsText(limit?.limits ?? {})}</td></tr>`;
}

function dayTable(rows: readonly UsageRow[]): Markup {
  const rest = rows.length - rowsShown;
  return html`<div class="wide" role="region" aria-label="Usage by day" tabindex="0"><table><thead><tr><th scope="col">Day</th><th scope="col">Organization</th><th scope="col">App</th><th scope="col">Model</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Tokens in</th><th scope="col" class="number">Tokens out</th></tr></thead><tbody>${rows
    .slice(0, rowsShown)
    .map(
      ({ day, organization, app, appName, model, requests, tokensIn, tokensOut }) =>
        html`<tr><th scope="row">${day}</th><td>${organization}</td><td>${app === null ? "–" : `${app} ${appName ?? "(deleted)"}`}</td><td>${model}</td><td class="number">${count(requests)}</td><td class="number">${count(tokensIn)}</td><td class="number">${count(tokensOut)}</td></tr>`,
    )}</tbody></table></div>${rest > 0 && html`<p class="hint">and ${rest} rows before them</p>`}`;
}

/** One bar a day. The figures beside it say the sums. */
function sparkline(rows: readonly UsageRow[], days: readonly string[]): Markup {
  const perDay = days.map((day) =>
    sum(
      rows.filter((row) => row.day === day),
      "requests",
    ),
  );
  const most = Math.max(...perDay, 1);
  const bars = perDay.map((requests, place) => {
    const height = requests === 0 ? 0 : Math.max(1, (requests / most) * 22);
    return html`<rect x="${place * 5}" y="${24 - height}" width="4" height="${height}" rx="1" fill="var(--primary)"/>`;
  });
  return html`<svg class="spark" role="img" aria-label="${`at most ${most} requests a day`}" width="${days.length * 5}" height="24" viewBox="0 0 ${days.length * 5} 24"><rect y="23.5" width="${days.length * 5}" height=".5" fill="var(--line)"/>${bars}</svg>`;
}

function daysBetween(since: string, until: string): string[] {
  const day = 86_400_000;
  const [from, to] = [Date.parse(since), Date.parse(until)];
  const days = Math.min(366, Math.round((to - from) / day) + 1);
  return Array.from({ length: Math.max(1, days) }, (_, place) =>
    new Date(from + place * day).toISOString().slice(0, 10),
  );
}

function sum(rows: readonly UsageRow[], what: "requests" | "tokensIn" | "tokensOut"): number {
  return rows.reduce((total, row) => total + row[what], 0);
}
