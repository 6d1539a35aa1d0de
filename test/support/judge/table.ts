import type { Detection, ErrorResult, Rule } from "./errorRollout.ts";

/** One line of the page's table: how many of the rollouts each rule took back, and how many requests had failed on the new version by then. */
export function errorLine(name: string, results: readonly ErrorResult[]): string {
  const cells = (["judge", "wilson", "flagger"] as const).map((rule) => cell(results, rule));
  const good = results.filter((result) => isGood(result)).length;
  return `| ${name} | ${cells.join(" | ")} | ${share(good, results.length)} |`;
}

export const errorHead = `| Rollouts | Judge | Wilson at every look | Flagger | Judge says good |
| --- | --- | --- | --- | --- |`;

export const alarmHead = `| Rollouts | Judge | p | Harmed | Wilson at every look | Times the risk | Harmed | Flagger | Harmed |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |`;

/**
 * One line of the page's table of many rollouts: how many each rule took back, and how many requests had failed on the new version by then, at the
 * 5th, 50th and 95th percentile and at most.
 *
 * @param risk - that each rollout within the margin may have
 */
export function alarmLine(name: string, results: readonly ErrorResult[], risk: number): string {
  const of = (rule: Rule) => results.flatMap((result) => result[rule] ?? []);
  const [judge, wilson, flagger] = [of("judge"), of("wilson"), of("flagger")];
  const taken = (found: readonly Detection[]) => found.length.toLocaleString("en-US");
  const chance = binomialTail(judge.length, results.length, risk);
  const p = chance < 0.001 ? "< 0.001" : chance.toPrecision(2);
  const times = Math.round(wilson.length / results.length / risk).toLocaleString("en-US");
  return `| ${name} | ${taken(judge)} | ${p} | ${harmedBy(judge)} | ${taken(wilson)} | ${times} | ${harmedBy(wilson)} | ${taken(flagger)} | ${harmedBy(flagger)} |`;
}

function harmedBy(found: readonly Detection[]): string {
  if (found.length === 0) return "";
  const harmed = found.map((each) => each.harmed).sort((a, b) => a - b);
  const at = (quantile: number) => Math.round(harmed[Math.floor(quantile * (harmed.length - 1))] ?? 0);
  return [0.05, 0.5, 0.95, 1].map((quantile) => at(quantile).toLocaleString("en-US")).join(", ");
}

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
