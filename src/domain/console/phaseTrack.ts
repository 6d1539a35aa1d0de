import { html, type Markup } from "../page/markup.ts";
import { type Phase, phases } from "../zoo/phases.ts";

/** The way of a rollout, and where on it a model stands. */
export function phaseTrack(phase: Phase): Markup {
  const way: readonly Phase[] = phases.filter((each) => each !== "off" && each !== "reverted");
  const at = way.indexOf(phase);
  const steps = way.map((each, place) => {
    if (place === at) return html`<li aria-current="step">${each}</li>`;
    return html`<li${place < at && html` class="past"`}>${each}</li>`;
  });
  const end = phase === "reverted" && html`<li class="back" aria-current="step">reverted</li>`;
  return html`<ol class="track" aria-label="${phase === "off" ? "Phases; nothing is rolled out" : `Phases; now ${phase}`}">${steps}${end}</ol>`;
}
