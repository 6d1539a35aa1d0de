import { html, type Markup } from "../page/markup.ts";
import { moment } from "../page/moment.ts";
import type { Activity } from "./activity.ts";
import { modelLink, printedBy } from "./frame.ts";

/** Entries on one page. */
export const activitiesShown = 50;

/** What changed, the newest first. */
export function activityPage(
  activities: readonly Activity[],
  { suffix, older }: { readonly suffix: string; readonly older: string | undefined },
): Markup {
  return html`<div class="head"><div><h1>Activity</h1><p class="lead">Everything that changed, the newest first, with what it follows from. Times are UTC.</p></div></div>
${activities.length === 0 ? html`<p class="nothing">Nothing has changed yet.</p>` : html`<section class="card">${activityList(activities, suffix)}</section>`}
${older !== undefined && html`<nav class="pages" aria-label="More"><a rel="next" href="/activity?before=${older}">Earlier →</a></nav>`}
${printedBy(`menagerie activity${suffix}`)}`;
}

/** The entries alone. */
export function activityList(activities: readonly Activity[], suffix: string): Markup {
  return html`<ul class="changes">${activities.map((each) => entry(each, suffix))}</ul>`;
}

function entry({ at, model, what, who, because, command }: Activity, suffix: string): Markup {
  return html`<li>${moment(at)}<div><p>${model !== null && html`${modelLink(model)}: `}${what}${who !== null && html` <span class="tag">by ${who}</span>`}</p>
<p class="cause">${because !== "" && html`${because} · `}<code>${command}${suffix}</code></p></div></li>`;
}
