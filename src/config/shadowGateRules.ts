import type { ParsedEnvironment } from "./environment.ts";
import { alternatives, show } from "./fields.ts";
import { keyPath } from "./sentences.ts";
import { closest } from "./suggest.ts";

/** A rollout's shadow deployment is declared, says what it has to show, and which of its shadows is meant. */
export function shadowGateMistakes({ zoo, shadows }: Pick<ParsedEnvironment, "zoo" | "shadows">): string[] {
  return Object.entries(zoo).flatMap(([name, { shadow: wanted }]) => {
    if (!wanted) return [];
    const at = (key: string) => keyPath(["zoo", name, "shadow", key]);
    const deployment = shadows[wanted.deployment];
    if (!deployment) {
      const declared = Object.keys(shadows);
      const meant = closest(wanted.deployment, declared);
      const change = meant ? `did you mean ${show(meant)}?` : `declare it under ${keyPath(["shadows"])}`;
      return [`${at("deployment")}: there is no shadow deployment ${show(wanted.deployment)}; ${change}`];
    }
    if (!deployment.gate) {
      const gate = keyPath(["shadows", wanted.deployment, "gate"]);
      return [`${gate}: missing; ${at("deployment")} asks for it: write {minPairs: 1000, maxMismatch: 0.01}`];
    }
    const sides = Object.keys(deployment.shadows);
    if (wanted.shadow === undefined) {
      if (sides.length === 1) return [];
      return [`${at("shadow")}: missing; ${wanted.deployment} has ${sides.length} shadows: use ${alternatives(sides)}`];
    }
    if (sides.includes(wanted.shadow)) return [];
    return [`${at("shadow")}: ${wanted.deployment} has no shadow ${show(wanted.shadow)}; use ${alternatives(sides)}`];
  });
}
