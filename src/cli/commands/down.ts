import { rm } from "node:fs/promises";
import { Command } from "commander";
import { stopEnvironment } from "../../local/environment.ts";
import { environmentLayout } from "../../local/layout.ts";
import { endOrphanedPlugins } from "../../local/orphanedPlugins.ts";
import { readTarget } from "../../local/target.ts";
import { environmentOption } from "../options.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { refuse } from "./refusals.ts";

export function downCommand(): Command {
  return new Command("down")
    .addOption(environmentOption())
    .option("--delete", "also delete the environment's state: databases, stack, images", false)
    .action(async (options: { environment: string; delete: boolean }) => {
      const layout = environmentLayout(options.environment);
      if (options.delete && (await readTarget(layout))?.kind === "existing") {
        throw refuse("down.foreign-cluster", { name: layout.name, root: layout.root });
      }
      const task = terminalProgress().begin(`environment ${layout.name}`);
      const wasRunning = await stopEnvironment(layout);
      await endOrphanedPlugins(layout.pulumi.home);
      if (options.delete) await rm(layout.root, { recursive: true, force: true });
      task.done(options.delete ? "deleted" : wasRunning ? "down" : "was not running");
    });
}
