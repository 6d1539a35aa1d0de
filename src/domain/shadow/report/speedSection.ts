import { html, type Markup } from "../../page/markup.ts";
import type { ComparisonResult } from "../comparisonResult.ts";
import { duration, rate } from "../readable.ts";
import { latencyPlot, latencyTable } from "./latencyPlot.ts";

/** How fast streams came; left out where no answer is a stream. */
export function speedSection({ speed: { primary, shadow } }: Pick<ComparisonResult, "speed">): Markup | undefined {
  const first = { primary: primary.firstToken, shadow: shadow.firstToken };
  const perSecond = { primary: primary.tokensPerSecond, shadow: shadow.tokensPerSecond };
  if (first.primary.count + first.shadow.count === 0) return undefined;
  return html`<div class="halves even">
<section class="card"><h2>Time to the first token</h2><p class="hint">Milliseconds from the request until a stream says something.</p>
${latencyPlot({ latency: first }, duration, "Times to the first token")}${latencyTable({ latency: first })}</section>
<section class="card"><h2>Tokens per second</h2><p class="hint">After the first token, where streams tell their usage. The 5th percentile is what 95 % of them reach.</p>
${latencyPlot({ latency: perSecond }, rate, "Tokens per second")}${latencyTable({ latency: perSecond }, rate, ["p5", "p50"])}</section>
</div>`;
}
