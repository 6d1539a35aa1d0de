import { html, type Markup } from "./markup.ts";

/** A moment in UTC, such as `2026-11-30 18:04:12`. */
export function moment(at: Date): Markup {
  const text = at.toISOString();
  return html`<time datetime="${text}">${text.slice(0, 19).replace("T", " ")}</time>`;
}
