import type { BringUp } from "../../domain/trial/trial.ts";
import { environmentLayout, menagerieHome } from "../../local/layout.ts";
import { bringUpHere } from "../../local/trial/bringUp.ts";

/**
 * Brings both sides up on this machine. Their images are taken from the environment where it has them, and built else.
 *
 * @param environment - an embedded environment, which need not be there
 */
export function bringUpOnThisMachine(environment: string): BringUp {
  return bringUpHere({ home: menagerieHome(), stores: [environmentLayout(environment).images] });
}
