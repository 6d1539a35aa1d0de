import { html, type Markup } from "../page/markup.ts";
import { moment } from "../page/moment.ts";
import { type AppMove, causeOfMove, describeMove } from "./appMoves.ts";
import type { ShownApp } from "./appsPage.ts";
import { modelLink, printedBy } from "./frame.ts";

export interface AppNotes {
  readonly suffix: string;
  /** Whether a model's rollout is for whoever reads this. */
  readonly ofOrganization: boolean;
}

/** One app: whose it is, which version answers it, and how its pointer came there. */
export function appPage(
  { id, name, owner, organization, zooModel, version }: ShownApp,
  moves: readonly AppMove[],
  { suffix, ofOrganization }: AppNotes,
): Markup {
  return html`<p class="eyebrow"><a href="/apps">Apps</a></p><h1>${name}</h1>
<p class="lead">Answered by ${ofOrganization ? zooModel : modelLink(zooModel)} v${version}.</p>
<section class="card" aria-labelledby="about"><h2 id="about">About</h2><dl class="pairs"><dt>Id</dt><dd>${id}</dd><dt>Owner</dt><dd>${owner ?? "–"}</dd><dt>Organization</dt><dd>${organization}</dd></dl>
<p>Ask it:</p><pre tabindex="0"><code>menagerie app predict ${id} --data JSON${suffix}</code></pre></section>
<section class="card" aria-labelledby="moves"><h2 id="moves">History</h2><p class="hint">Which version answered it, the newest first. A migration’s journal keeps the last way there and the last way back. Times are UTC.</p><ul class="changes">${moves.map(
    (move) => {
      const cause = causeOfMove(move);
      return html`<li>${moment(move.at)}<div><p>${describeMove(move)}</p>${cause !== "" && html`<p class="cause">${cause}</p>`}</div></li>`;
    },
  )}</ul>
${printedBy(`menagerie app show ${id}${suffix}`)}</section>`;
}
