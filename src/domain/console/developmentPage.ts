import { duration } from "../development/changeLine.ts";
import {
  describeHead,
  describeReload,
  medianReload,
  type ShownDevelopment,
  type ShownPatch,
  type WholePatch,
} from "../development/history.ts";
import { html, type Markup } from "../page/markup.ts";
import { moment } from "../page/moment.ts";
import { plainText } from "../page/plainText.ts";
import { tile } from "../page/tile.ts";
import { wide } from "../page/wide.ts";
import { type DiffLine, type OperationDifference, patchDifference } from "../patch/difference.ts";
import { printedBy } from "./frame.ts";

/** Patches on the page of a version. */
export const patchesShown = 100;
/** Operations of a patch in its row; its own page has all. */
const operationsShown = 3;

interface Notes {
  readonly suffix: string;
}

/** Development versions: what each is at. */
export function developmentPage(versions: readonly ShownDevelopment[], { suffix }: Notes): Markup {
  return html`<h1>Development</h1><p class="lead">Development versions: the content of the last full deployment, and the patches since then. Times are UTC.</p>
${
  versions.length === 0
    ? html`<p class="nothing">There is no development version. Declare one under <code>menagerie:development</code> in the stack’s file, or push a truss.</p>`
    : html`<section class="card">${wide(
        "Development versions",
        html`<table><thead><tr><th scope="col">Model</th><th scope="col">Version</th><th scope="col">Organization</th><th scope="col">Head</th><th scope="col" class="number">Patches</th><th scope="col">Full deployment</th><th scope="col">Last patch</th><th scope="col">Deployed by</th></tr></thead>
<tbody>${versions.map(versionRow)}</tbody></table>`,
      )}</section>`
}
${printedBy(`menagerie dev show${suffix}`)}`;
}

function versionRow(version: ShownDevelopment): Markup {
  const { model, versionId, organization, headHash, seq, generation, deployedAt, patchedAt } = version;
  return html`<tr><th scope="row"><a href="/development/${versionId}">${model}</a></th><td>${versionId}</td><td>${organization}</td><td>${hash(headHash)}</td><td class="number">${seq}</td><td>${generation ?? "–"}${deployedAt && html`, ${moment(deployedAt)}`}</td><td>${patchedAt ? moment(patchedAt) : "–"}</td><td>${deployedBy(version)}</td></tr>`;
}

function deployedBy({ push }: ShownDevelopment): Markup {
  if (push === null) return html`the stack`;
  const tone = push.status === "active" ? "good" : push.status === "failed" ? "bad" : "";
  return html`a push <span class="tag ${tone}">${push.status}</span>${push.because !== null && html`<div class="warning">${push.because}</div>`}`;
}

/** One version: its head, its patches, who sent them and how fast they came to answer. */
export function developmentVersionPage(
  version: ShownDevelopment,
  patches: readonly ShownPatch[],
  { suffix, mayReadCode }: Notes & { readonly mayReadCode: boolean },
): Markup {
  const { model, versionId, organization, baseHash, deployedAt, seq, generation } = version;
  const median = medianReload(patches);
  const last = patches.length < patchesShown ? undefined : patches.at(-1);
  const command = `menagerie dev show ${versionId}${suffix}`;
  return html`<p class="eyebrow"><a href="/development">Development</a></p><h1>${model}</h1>
<p class="lead">Version ${versionId} of ${organization}: head ${describeHead(version)}.</p>
<div class="tiles">${tile("Patches", seq, "since the last full deployment")}${tile("Full deployments", generation ?? 0, deployedAt ? html`the last ${moment(deployedAt)}` : "none yet")}${tile("Reload", median === undefined ? "–" : duration(median), "median of the patches below")}${tile("Image", baseHash?.slice(0, 12) ?? "–", "content of the last full deployment")}</div>
<p>Deployed by ${deployedBy(version)}</p>
<section class="card" aria-labelledby="patches"><h2 id="patches">Patches</h2><p class="hint">The latest first. A reload is the time from the patch’s being sent until the model answered with it.</p>${
    patches.length === 0
      ? html`<p class="nothing">Nothing was patched since the full deployment.</p>`
      : html`${reloadBars(patches)}${wide(
          "Table of patches",
          html`<table><thead><tr><th scope="col">Patch</th><th scope="col">At (UTC)</th><th scope="col">Content</th><th scope="col">What it changes</th><th scope="col">Sent by</th><th scope="col">Reload</th></tr></thead>
<tbody>${patches.map((patch) => patchRow(version, patch, mayReadCode))}</tbody></table>`,
        )}`
  }${!mayReadCode && html`<p class="hint">Keys of role inspector see what each patch writes.</p>`}</section>
${last && html`<nav class="pages" aria-label="More"><a rel="next" href="/development/${versionId}?before=${last.generation}.${last.seq}">Earlier →</a></nav>`}
${printedBy(command)}`;
}

function patchRow({ versionId }: ShownDevelopment, patch: ShownPatch, mayReadCode: boolean): Markup {
  const { generation, seq, at, prevHash, nextHash, operations, sentBy, reload } = patch;
  const name = html`${generation}.${seq}`;
  const more = operations.length - operationsShown;
  return html`<tr><th scope="row">${mayReadCode ? html`<a href="/development/${versionId}/${generation}/${seq}">${name}</a>` : name}</th><td>${moment(at)}</td><td>${hash(prevHash)} → ${hash(nextHash)}</td><td>${operations.slice(0, operationsShown).map((each) => html`<div><code>${plainText(each)}</code></div>`)}${more > 0 && html`<div class="tile-note">and ${more} more</div>`}</td><td>${sentBy ?? "–"}</td><td>${describeReload(reload)}</td></tr>`;
}

/** A bar for each patch that was timed, the latest on the right. The column says the same. */
function reloadBars(patches: readonly ShownPatch[]): Markup {
  const timed = patches.flatMap(({ reload }) => reload ?? []).reverse();
  if (timed.length < 2) return html``;
  const most = Math.max(...timed.map(({ tookMs }) => tookMs), 1);
  const bars = timed.map(({ tookMs, isHot }, place) => {
    const height = Math.max(1, (tookMs / most) * 34);
    return html`<rect x="${place * 6}" y="${36 - height}" width="5" height="${height}" rx="1" fill="var(--${isHot ? "primary" : "shadow"})"/>`;
  });
  return html`<svg class="spark" role="img" aria-label="${`Reload times of ${timed.length} patches, at most ${duration(most)}`}" width="${timed.length * 6}" height="36" viewBox="0 0 ${timed.length * 6} 36">${bars}</svg>
<p class="hint"><span class="dot primary"></span>hot <span class="dot shadow"></span>cold</p>`;
}

function hash(text: string | null): Markup {
  return text === null ? html`–` : html`<code title="${text}">${text.slice(0, 12)}</code>`;
}

/** What one patch writes, line by line. */
export function patchPage(
  version: ShownDevelopment,
  { patch, operations, before }: WholePatch,
  { suffix }: Notes,
): Markup {
  const { model, versionId } = version;
  const { generation, seq, at, prevHash, nextHash, sentBy, reload } = patch;
  return html`<p class="eyebrow"><a href="/development">Development</a> / <a href="/development/${versionId}">${model}</a></p><h1>Patch ${generation}.${seq}</h1>
<p class="lead">${hash(prevHash)} → ${hash(nextHash)}, sent ${moment(at)} UTC${sentBy !== null && html` by ${sentBy}`}. Reload: ${describeReload(reload)}. The audit notes that you look at it.</p>
${patchDifference(operations, before).map(operationCard)}
${printedBy(`menagerie dev show ${versionId} --diff ${generation}.${seq}${suffix}`)}`;
}

function operationCard({ operation, lines, note }: OperationDifference, place: number): Markup {
  const id = `operation-${place}`;
  return html`<section class="card" aria-labelledby="${id}"><h2 id="${id}"><code>${plainText(operation)}</code></h2>${note !== undefined && html`<p class="hint">${note}</p>`}${lines && lines.length > 0 && wide(`Lines of ${plainText(operation)}`, html`<pre class="diff">${lines.map(lineOf)}</pre>`)}</section>`;
}

const signs = { both: " ", before: "-", after: "+" } as const;

function lineOf({ of, text }: DiffLine): Markup {
  if (of === "gap") return html`<span class="gap">⋯ ${text}</span>\n`;
  const line = html`${signs[of]} ${plainText(text)}`;
  if (of === "both") return html`${line}\n`;
  return of === "before" ? html`<del>${line}</del>\n` : html`<ins>${line}</ins>\n`;
}
