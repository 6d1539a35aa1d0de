import { html, type Markup } from "./markup.ts";

/** A table or a picture that may be wider than the page: it scrolls in a box of its own, which has a name and is reached by keyboard. */
export function wide(name: string, content: Markup): Markup {
  return html`<div class="wide" role="region" aria-label="${name}" tabindex="0">${content}</div>`;
}
