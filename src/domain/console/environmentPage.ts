import { counted } from "../counted.ts";
import { html, type Markup } from "../page/markup.ts";
import { moment } from "../page/moment.ts";
import { wide } from "../page/wide.ts";
import type { ModelState } from "../serving/modelState.ts";
import {
  describeTraffic,
  type ModelTraffic,
  milliseconds,
  percent,
  rate,
  type ShownTraffic,
} from "../traffic/lastMinute.ts";
import type { CardVersion, ModelCard, Paged } from "./cards.ts";
import { appsLink, linkByKind, pageLinks, printedBy } from "./frame.ts";
import { phaseTrack } from "./phaseTrack.ts";

/** Cards on one page. */
export const cardsShown = 24;

/** The models of an environment. `suffix` is what commands need to find it, such as ` -e second`. */
export function environmentPage(
  { shown, all, page, pages }: Paged<ModelCard>,
  { search, suffix, isAsked }: EnvironmentNotes,
): Markup {
  return html`<div class="head"><div><h1>Models</h1>
<p class="lead">${counted(all, "model")}${search !== "" && html` that match “${search}”`}. Requests are those of the last minute.</p></div>
<form class="search" role="search" action="/environment"><label>Search <input type="search" name="q" value="${search}" placeholder="name, phase or kind"></label><button>Search</button></form></div>
${!isAsked && html`<p class="warning">The cluster cannot be asked now, so nothing is said of what is ready.</p>`}
${all === 0 ? nothing(search) : html`<ul class="models">${shown.map((card) => html`<li>${cardOf(card, suffix)}</li>`)}</ul>`}
${pageLinks("/environment", search === "" ? {} : { q: search }, { page, pages })}
${printedBy(`menagerie status${suffix}`)}`;
}

export interface EnvironmentNotes {
  readonly search: string;
  readonly suffix: string;
  /** Whether the cluster could be asked. */
  readonly isAsked: boolean;
}

function nothing(search: string): Markup {
  return search === ""
    ? html`<p class="nothing">Nothing is deployed yet. Declare a model in the stack’s file and run <code>npm run up</code>.</p>`
    : html`<p class="nothing">No model matches. <a href="/environment">Show all</a></p>`;
}

function cardOf({ name, kind, phase, notable, since, versions, state }: ModelCard, suffix: string): Markup {
  return html`<article class="card model"><h2>${linkByKind(name, kind)} <span class="tag">${kind}</span>${state && stateTag(state)}</h2>
${notable !== "" && html`<p class="alarm">${notable}</p>`}
${state?.because && html`<p class="warning">${state.because}</p>`}
${phase !== null && phaseTrack(phase)}
${wide(
  `Versions of ${name}`,
  html`<table><thead><tr><th scope="col">Version</th><th scope="col">Content</th><th scope="col" class="number">Traffic</th><th scope="col" class="number">Apps</th><th scope="col" class="number">Requests/s</th><th scope="col" class="number">Errors</th><th scope="col" class="number">p95</th></tr></thead>
<tbody>${versions.map((version) => rowOf(name, kind, version))}</tbody></table>`,
)}
${throughApps(versions).map((line) => html`<p class="facts">${line}</p>`)}
<p class="facts">${since && html`<span>Changed ${moment(since)}</span>`}${kind === "zoo" && html`<span><code>menagerie rollout ${name}${suffix}</code></span>`}</p></article>`;
}

function rowOf(
  model: string,
  kind: ModelCard["kind"],
  { number, id, hash, isCurrent, apps, weight, traffic, state }: CardVersion,
): Markup {
  const counts = traffic && figuresOf(ownPath(traffic, kind));
  return html`<tr><th scope="row">${id === "" ? "–" : html`v${number}`}${isCurrent && id !== "" && html` <span class="tag">current</span>`}${state && state.state !== "ready" && stateTag(state)}</th><td><code title="${hash}">${hash.slice(0, 12)}</code></td>
<td class="number">${weight === null ? "–" : `${weight} %`}</td><td class="number">${appsLink(model, apps)}</td>
<td class="number">${counts?.rate ?? "–"}</td><td class="number">${counts?.errors ?? "–"}</td><td class="number">${counts?.p95 ?? "–"}</td></tr>`;
}

/** What apps ask, as `menagerie status` says it. */
function throughApps(versions: readonly CardVersion[]): string[] {
  return versions.flatMap(({ number, traffic }) => {
    if (!traffic || traffic.app.summary.requests === 0) return [];
    return describeTraffic({ ...traffic, route: traffic.app }, "development").map((line) => `v${number}: ${line}`);
  });
}

/** Of one path; what it cannot tell is missing, not zero. */
function figuresOf({ summary, knownSeconds, isCounted }: ShownTraffic): Figures | undefined {
  if (!isCounted || knownSeconds === 0) return undefined;
  const { perSecond = 0, errors, errorShare, p95 } = summary;
  return {
    rate: rate(perSecond),
    errors: errors === 0 ? "0" : `${errors} (${percent(errorShare ?? 0)})`,
    p95: p95 === undefined ? "–" : milliseconds(p95),
  };
}

interface Figures {
  readonly rate: string;
  readonly errors: string;
  readonly p95: string;
}

/** The way that clients ask a model itself. */
function ownPath({ route, app }: ModelTraffic, kind: ModelCard["kind"]): ShownTraffic {
  return kind === "development" ? app : route;
}

const tones: Readonly<Record<ModelState["state"], string>> = {
  ready: "good",
  asleep: "",
  stopped: "",
  unplaced: "warn",
  starting: "warn",
  down: "bad",
};

/** A word, with a colour that says the same. */
export function stateTag({ state, because }: ModelState): Markup {
  return html` <span class="tag ${tones[state]}"${because !== null && html` title="${because}"`}>${state}</span>`;
}
