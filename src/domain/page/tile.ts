import { html, type Markup } from "./markup.ts";

/** A figure with its name above and a note below; several stand in an element of class `tiles`. */
export function tile(name: string, value: string | number, note: string | Markup): Markup {
  return html`<div class="card"><div class="tile-name">${name}</div><div class="tile-value">${value}</div><div class="tile-note">${note}</div></div>`;
}
