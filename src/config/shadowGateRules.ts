import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { alternatives, show } from "./fields.ts";
import { keyPath } from "./sentences.ts";
import { closest } from "./suggest.ts";

/** A rollout's shadow deployment is declared, says what it has to show, and which of its shadows is meant. */
export function shadowGateIssues({ zoo, shadows }: Pick<ParsedEnvironment, "zoo" | "shadows">): Refusal[] {
  return Object.entries(zoo).flatMap(([name, { shadow: wanted }]) => {
    if (!wanted) return [];
    const at = (key: string) => keyPath(["zoo", name, "shadow", key]);
    const deployment = shadows[wanted.deployment];
    if (!deployment) {
      const declared = Object.keys(shadows);
      const meant = closest(wanted.deployment, declared);
      const change = meant ? `did you mean ${show(meant)}?` : `declare it under ${keyPath(["shadows"])}`;
      return [
        refusal("shadow-gate.unknown-deployment", at("deployment"), { deployment: show(wanted.deployment), change }),
      ];
    }
    if (!deployment.gate) {
      const gate = keyPath(["shadows", wanted.deployment, "gate"]);
      return [refusal("shadow-gate.no-gate", gate, { asker: at("deployment") })];
    }
    const sides = Object.keys(deployment.shadows);
    const named = { deployment: wanted.deployment, sides: alternatives(sides) };
    if (wanted.shadow === undefined) {
      if (sides.length === 1) return [];
      return [refusal("shadow-gate.which", at("shadow"), { ...named, count: sides.length })];
    }
    if (sides.includes(wanted.shadow)) return [];
    return [refusal("shadow-gate.unknown-shadow", at("shadow"), { ...named, shadow: show(wanted.shadow) })];
  });
}
