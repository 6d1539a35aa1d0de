import { html, type Markup } from "../page/markup.ts";
import { wide } from "../page/wide.ts";
import { modelLink, pageLinks, printedBy } from "./frame.ts";

/** Apps on one page. */
export const appsShown = 100;

/** An app, as lists show it. */
export interface ShownApp {
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  readonly organization: string;
  readonly zooModel: string;
  /** Number of the zoo version that it points at. */
  readonly version: number;
}

export interface AppsNotes {
  readonly search: string;
  readonly suffix: string;
  readonly page: number;
  readonly hasMore: boolean;
  /** Whether a model's rollout is for whoever reads this. */
  readonly ofOrganization: boolean;
}

/** Apps, and which version answers each. */
export function appsPage(
  apps: readonly ShownApp[],
  { search, suffix, page, hasMore, ofOrganization }: AppsNotes,
): Markup {
  const model = (name: string) => (ofOrganization ? html`${name}` : modelLink(name));
  const table = html`<section class="card">${wide(
    "Apps",
    html`<table><thead><tr><th scope="col">Id</th><th scope="col">Name</th><th scope="col">Owner</th><th scope="col">Organization</th><th scope="col">Answered by</th></tr></thead>
<tbody>${apps.map(
      ({ id, name, owner, organization, zooModel, version }) =>
        html`<tr><td>${id}</td><th scope="row"><a href="/apps/${id}">${name}</a></th><td>${owner ?? "–"}</td><td>${organization}</td><td>${model(zooModel)} v${version}</td></tr>`,
    )}</tbody></table>`,
  )}</section>`;
  return html`<div class="head"><div><h1>Apps</h1><p class="lead">Users’ models, and the version of the zoo that answers each.</p></div>
<form class="search" role="search" action="/apps"><label>Search <input type="search" name="q" value="${search}" placeholder="name, owner, model or id"></label><button>Search</button></form></div>
${apps.length === 0 ? html`<p class="nothing">${search === "" ? "There are no apps yet." : "No app matches."}${search !== "" && html` <a href="/apps">Show all</a>`}</p>` : table}
${pageLinks("/apps", search === "" ? {} : { q: search }, { page, pages: hasMore ? page + 1 : page })}
${printedBy(`menagerie app list${suffix}`)}`;
}
