import { html, type Markup } from "../../page/markup.ts";
import { plainText } from "../../page/plainText.ts";
import type { Conversation, Said, Turn } from "../conversation/conversation.ts";
import { type Stretch, wordDifference } from "../conversation/wordDifference.ts";
import { count } from "../readable.ts";

/** Of one text, characters that are shown at all: a page that no browser opens shows nothing. */
const longestText = 200_000;
/** Turns of a request; of a longer one the last, which are answered. */
const mostTurns = 40;
/** Words that both have, and turns of a request, are folded beyond this; so much of each end stays. In characters. */
const longestAlike = 800;
const keptOfAlike = 200;
/** So is what only one has. */
const longestOther = 6_000;

/** What was asked and what both said, side by side, with what differs marked: folded, one by one. */
export function conversationsSection(conversations: readonly Conversation[]): Markup | undefined {
  if (conversations.length === 0) return undefined;
  return html`<section class="card"><h2>Conversations that differ</h2>
<p class="hint">Those of the pairs that differ most. <del>Words of the primary alone</del> and <ins>words of the shadow alone</ins> are marked.</p>
${conversations.map(conversation)}</section>`;
}

function conversation({ requestId, at, isSampled, asked, primary, shadow }: Conversation, index: number): Markup {
  const time = new Date(at).toISOString().slice(0, 19).replace("T", " ");
  const left = asked.length - mostTurns;
  return html`<details class="conversation"${{ markup: index === 0 ? " open" : "" }}><summary><code>${plainText(requestId)}</code> <span class="tile-note">${time}</span>${isSampled && html` <span class="tag">sampled, not judged</span>`}</summary>
${left > 0 && html`<p class="hint">${count(left)} earlier turns are left out.</p>`}
${asked.slice(-mostTurns).map(turn)}
${placesOf(primary, shadow).map((place) => sideBySide(place, primary, shadow))}
${notes(primary, shadow)}</details>`;
}

function turn({ who, text }: Turn): Markup {
  return html`<div class="turn"><span class="said-by">${plainText(who)}</span><div class="said" dir="auto">${folded(cut(text), "more")}</div></div>`;
}

/** The places of both answers, in the primary's order. */
function placesOf(primary: Said, shadow: Said): string[] {
  return [...new Set([...primary.turns, ...shadow.turns].map(({ who }) => who))];
}

function sideBySide(place: string, primary: Said, shadow: Said): Markup {
  const textOf = ({ turns }: Said): string => cut(turns.find(({ who }) => who === place)?.text ?? "");
  const stretches = wordDifference(textOf(primary), textOf(shadow));
  const side = (of: "primary" | "shadow"): Markup =>
    html`<div class="answer ${of}"><span class="said-by"><span class="dot ${of}"></span>${of} <code>${plainText(place)}</code></span><div class="said" dir="auto">${stretches.filter((each) => each.of === "both" || each.of === of).map(marked)}</div></div>`;
  return html`<div class="answers">${side("primary")}${side("shadow")}</div>`;
}

function marked({ of, text }: Stretch): Markup {
  if (of === "both") return folded(text, "alike");
  const shown = text.length > longestOther ? folded(text, "more") : html`${plainText(text)}`;
  return of === "primary" ? html`<del>${shown}</del>` : html`<ins>${shown}</ins>`;
}

function notes(primary: Said, shadow: Said): Markup[] {
  return [["primary", primary] as const, ["shadow", shadow] as const].flatMap(([side, { note }]) =>
    note === undefined ? [] : [html`<p class="hint"><span class="dot ${side}"></span>${side}: ${plainText(note)}</p>`],
  );
}

/** The middle of a long text is there, and closed. */
function folded(text: string, what: "alike" | "more"): Markup {
  if (text.length <= longestAlike) return html`${plainText(text)}`;
  const [from, to] = [boundary(text, keptOfAlike), boundary(text, text.length - keptOfAlike)];
  return html`${plainText(text.slice(0, from))}<details class="fold"><summary>${count(to - from)} characters ${what}</summary>${plainText(text.slice(from, to))}</details>${plainText(text.slice(to))}`;
}

function cut(text: string): string {
  if (text.length <= longestText) return text;
  return `${text.slice(0, boundary(text, longestText))} … (${count(text.length - longestText)} more characters)`;
}

/** Not between the halves of a character. */
function boundary(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
