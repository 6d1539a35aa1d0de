import type { Detection, ErrorResult, Rule } from "./errorRollout.ts";

/** One line of the page's table: how many of the rollouts each rule took back, and how many requests had failed on the new version by then. */
export function errorLine(name: string, results: readonly ErrorResult[]): string {
  const cells = (["judge", "wilson", "flagger"] as const).map((rule) => cell(results, rule));
  const good = results.filter((result) => isGood(result)).length;
  return `| ${name} | ${cells.join(" | ")} | ${share(good, results.length)} |`;
}

export const errorHead = `| Rollouts | Judge | Wilson at every look | Flagger | Judge says good |
| --- | --- | --- | --- | --- |`;

/** Good before anything was bad. */
export function isGood({ good, judge }: ErrorResult): boolean {
  return good !== null && (judge === null || judge.requests > good);
}

function cell(results: readonly ErrorResult[], rule: Rule): string {
  const found = results.flatMap((result) => result[rule] ?? []);
  if (found.length === 0) return "0 %";
  return `${share(found.length, results.length)}; ${spread(found)}`;
}

function spread(found: readonly Detection[]): string {
  const harmed = found.map((each) => each.harmed).sort((a, b) => a - b);
  const at = (quantile: number) => Math.round(harmed[Math.floor(quantile * (harmed.length - 1))] ?? 0);
  return `${at(0.5).toLocaleString("en-US")}, ${at(0.95).toLocaleString("en-US")}`;
}

export function share(count: number, all: number): string {
  return `${Number(((100 * count) / all).toFixed(1))} %`;
}

/** Probability of `hits` or more, where each of `trials` hits with `chance`: exactly. */
export function binomialTail(hits: number, trials: number, chance: number): number {
  let log = trials * Math.log1p(-chance);
  let below = 0;
  for (let k = 0; k < hits; k += 1) {
    below += Math.exp(log);
    log += Math.log((trials - k) / (k + 1)) + Math.log(chance / (1 - chance));
  }
  return 1 - below;
}
