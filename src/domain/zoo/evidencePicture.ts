import { type EvidenceLook, thinned } from "../judgement/evidenceLooks.ts";
import type { Verdict } from "../judgement/state.ts";

const levels = "▁▂▃▄▅▆▇█";

/**
 * Evidence over time as a terminal shows it: a line for each metric, its looks from left to right. A full block is enough for good; below a
 * line of its own where there is evidence of bad. Then what the judge says in words.
 *
 * @param columns - width of the terminal
 */
export function evidencePicture(looks: readonly EvidenceLook[], verdict: Verdict, columns: number): readonly string[] {
  const width = Math.max(8, Math.min(60, columns - 28));
  const shown = thinned(looks, width);
  return verdict.metrics.flatMap(({ metric, decision, sentence }) => {
    const of = (side: "good" | "bad"): readonly number[] =>
      shown.map(({ shares }) => shares.find((share) => share.metric === metric)?.[side] ?? 0);
    const bad = of("bad");
    return [
      `  ${metric.padEnd(9)} ${blocks(of("good")).padEnd(width)}  ${decision === "good" ? "good" : decision === "bad" ? "bad" : `${percentOf(of("good"))} of good`}`,
      ...(bad.some((share) => share >= 0.1)
        ? [`  ${"".padEnd(9)} ${blocks(bad).padEnd(width)}  ${percentOf(bad)} of bad`]
        : []),
      `            ${sentence}`.slice(0, Math.max(20, columns - 1)),
    ];
  });
}

function blocks(shares: readonly number[]): string {
  return shares.map((share) => levels[Math.min(levels.length - 1, Math.floor(share * (levels.length - 1)))]).join("");
}

function percentOf(shares: readonly number[]): string {
  return `${Math.floor(100 * (shares.at(-1) ?? 0))} %`;
}
