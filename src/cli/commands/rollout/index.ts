import { Command } from "commander";
import { environmentOption, jsonOption } from "../../options.ts";
import { advanceCommand } from "./advance.ts";
import { askCommand } from "./ask.ts";
import { pauseCommand, resumeCommand } from "./hold.ts";
import { mergedCommand } from "./merged.ts";
import { forwardCommand, revertCommand } from "./move.ts";
import { planCommand } from "./plan.ts";
import { proposeRevertsCommand } from "./proposeReverts.ts";
import { showRollouts, targetStackOption } from "./show.ts";
import { tryCommand, untryCommand } from "./trial.ts";

export function rolloutCommand(): Command {
  const rollout = new Command("rollout")
    .argument("[zoo model]", "name of a model of the zoo; default: all of them")
    .addOption(environmentOption())
    .addOption(targetStackOption())
    .addOption(jsonOption())
    .action(showRollouts);
  for (const command of [
    advanceCommand(),
    mergedCommand(),
    proposeRevertsCommand(),
    planCommand(),
    forwardCommand(),
    revertCommand(),
    pauseCommand(),
    resumeCommand(),
    tryCommand(),
    untryCommand(),
    askCommand(),
  ]) {
    rollout.addCommand(command);
  }
  return rollout;
}
