import type { RawEnvironment } from "../config/environment.ts";
import { type EnvironmentDefaults, parseEnvironment } from "../config/parse.ts";
import type { Grow } from "./declaredSection.ts";

/**
 * Checks what a program declares, one component after the other, by the rules of a stack's config: each with everything that came before.
 * What was refused is not declared.
 */
export function growing(read: RawEnvironment, defaults: EnvironmentDefaults): Grow {
  let declared = read;
  return (section, name, entry) => {
    const next = { ...declared, [section]: { ...declared[section], [name]: entry } };
    const spec = parseEnvironment(next, defaults);
    declared = next;
    return spec;
  };
}
