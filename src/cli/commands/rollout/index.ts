import { Command } from "commander";
import { pauseCommand, resumeCommand } from "./hold.ts";
import { forwardCommand, revertCommand } from "./move.ts";
import { tryCommand, untryCommand } from "./trial.ts";

export function rolloutCommand(): Command {
  const rollout = new Command("rollout").description("Rollouts of zoo models: apps moved to new versions and back.");
  for (const command of [
    forwardCommand(),
    revertCommand(),
    pauseCommand(),
    resumeCommand(),
    tryCommand(),
    untryCommand(),
  ]) {
    rollout.addCommand(command.copyInheritedSettings(rollout));
  }
  return rollout;
}
