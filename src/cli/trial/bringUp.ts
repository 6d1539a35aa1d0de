import type { BringUp } from "../../domain/trial/trial.ts";
import { environmentLayout } from "../../local/layout.ts";
import { bringUpHere, type TrialHost } from "../../local/trial/bringUp.ts";

/**
 * Brings combinations up on this machine, beside an environment. Images that it has are taken from there; others are built, or pulled.
 *
 * @param environment - an embedded environment, which need not be there
 */
export function bringUpBeside(
  environment: string,
  { secretFix, wheelsOnly }: Pick<TrialHost, "secretFix" | "wheelsOnly">,
): BringUp {
  const { home, images } = environmentLayout(environment);
  return bringUpHere({ home, stores: [images], secretFix, wheelsOnly });
}
