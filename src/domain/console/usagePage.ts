import { type Limits, limitsText } from "../limits/limits.ts";
import type { OrganizationUsage, UsageRow } from "../limits/usage.ts";
import { html, type Markup } from "../page/markup.ts";
import { wide } from "../page/wide.ts";
import { count } from "../shadow/readable.ts";
import { pageLinks, printedBy } from "./frame.ts";

export interface UsageNotes {
  /** First UTC day. */
  readonly since: string;
  /** Last UTC day. */
  readonly until: string;
  readonly suffix: string;
  readonly limits: readonly { readonly name: string; readonly limits: Limits }[];
  /** Which page of each table is shown, from 1. */
  readonly pages: Readonly<Record<keyof ShownUsage, number>>;
}

/** What a page shows, with one more of each where another page follows. */
export interface ShownUsage {
  readonly rows: readonly UsageRow[];
  readonly organizations: readonly OrganizationUsage[];
}

/** Rows by day, app and model on a page. */
export const usageShown = 100;
/** Organizations on a page. */
export const organizationsShown = 50;

/** Requests and tokens by organization and day, with what each organization may ask. */
export function usagePage(
  { rows, organizations }: ShownUsage,
  { since, until, suffix, limits, pages }: UsageNotes,
): Markup {
  const days = daysBetween(since, until);
  const limitsOf = new Map(limits.map(({ name, limits: own }) => [name, own]));
  return html`<h1>Usage</h1><p class="lead">Requests and tokens from ${since} to ${until}, by UTC day.</p>
<section class="card" aria-labelledby="organizations"><h2 id="organizations">Organizations</h2>${wide(
    "Table of organizations",
    html`<table><thead><tr><th scope="col">Organization</th><th scope="col">Requests by day</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Tokens in</th><th scope="col" class="number">Tokens out</th><th scope="col">Limits</th></tr></thead><tbody>
${organizations.slice(0, organizationsShown).map((each) => organizationRow(each, days, limitsOf.get(each.name) ?? {}))}
</tbody></table>`,
  )}${more(pages, "organizations", organizations.length > organizationsShown)}${printedBy(`menagerie usage --since ${since}${suffix}`, `menagerie organization list${suffix}`)}</section>
<section class="card" aria-labelledby="days"><h2 id="days">By day, app and model</h2>${rows.length === 0 ? html`<p class="nothing">No request was counted.</p>` : dayTable(rows.slice(0, usageShown))}${more(pages, "rows", rows.length > usageShown)}${printedBy(`menagerie usage --since ${since}${suffix}`)}</section>`;
}

/** Links to the pages of one table; the other one stays where it is. */
function more(pages: UsageNotes["pages"], of: keyof ShownUsage, hasMore: boolean): Markup {
  const page = pages[of];
  const others = { page: String(pages.rows), organizations: String(pages.organizations) };
  const [parameter, label] = of === "rows" ? ["page", "More rows"] : ["organizations", "More organizations"];
  return pageLinks("/usage", others, { page, pages: hasMore ? page + 1 : page }, { parameter, label });
}

function organizationRow(
  { name, requests, tokensIn, tokensOut, days: byDay }: OrganizationUsage,
  days: readonly string[],
  limits: Limits,
): Markup {
  return html`<tr><th scope="row">${name}</th><td>${requests === 0 ? "–" : sparkline(days.map((day) => byDay[day] ?? 0))}</td><td class="number">${count(requests)}</td><td class="number">${count(tokensIn)}</td><td class="number">${count(tokensOut)}</td><td>${limitsText(limits)}</td></tr>`;
}

function dayTable(rows: readonly UsageRow[]): Markup {
  return wide(
    "Usage by day",
    html`<table><thead><tr><th scope="col">Day</th><th scope="col">Organization</th><th scope="col">App</th><th scope="col">Model</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Tokens in</th><th scope="col" class="number">Tokens out</th></tr></thead><tbody>${rows.map(
      ({ day, organization, app, appName, model, requests, tokensIn, tokensOut }) =>
        html`<tr><th scope="row">${day}</th><td>${organization}</td><td>${appOf(app, appName)}</td><td>${model}</td><td class="number">${count(requests)}</td><td class="number">${count(tokensIn)}</td><td class="number">${count(tokensOut)}</td></tr>`,
    )}</tbody></table>`,
  );
}

/** One that was deleted has no page. */
function appOf(app: string | null, name: string | null): Markup {
  if (app === null) return html`–`;
  return name === null ? html`${app} (deleted)` : html`<a href="/apps/${app}">${app} ${name}</a>`;
}

/** One bar a day, all in one path. The figures beside it say the sums. */
function sparkline(perDay: readonly number[]): Markup {
  const most = Math.max(...perDay, 1);
  const bars = perDay.flatMap((requests, place) => {
    if (requests === 0) return [];
    const height = Math.round(Math.max(1, (requests / most) * 22));
    return [`M${place * 5} 24v-${height}h4v${height}`];
  });
  const width = perDay.length * 5;
  return html`<svg class="spark" role="img" aria-label="${`at most ${count(most)} requests a day`}" width="${width}" height="24" viewBox="0 0 ${width} 24"><path d="M0 23.5h${width}v.5h-${width}" fill="var(--line)"/><path d="${bars.join("")}" fill="var(--primary)"/></svg>`;
}

function daysBetween(since: string, until: string): string[] {
  const day = 86_400_000;
  const [from, to] = [Date.parse(since), Date.parse(until)];
  const days = Math.min(366, Math.round((to - from) / day) + 1);
  return Array.from({ length: Math.max(1, days) }, (_, place) =>
    new Date(from + place * day).toISOString().slice(0, 10),
  );
}
