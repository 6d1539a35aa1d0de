import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { Command } from "commander";
import { ensurePythonLayers } from "../../adapters/truss/python.ts";
import { menagerieCache } from "../../local/layout.ts";
import { projectFolder } from "../../local/localStack.ts";
import { apiAccess } from "../apiAccess.ts";
import { interruptible } from "../interrupt.ts";
import { environmentOption, knownEnvironment } from "../options.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { rememberSent } from "../trussClient/declaredFolder.ts";
import { runTrussClient } from "../trussClient/run.ts";
import { refuse } from "./refusals.ts";

export function trussClientCommand(): Command {
  return new Command("truss-client")
    .addOption(environmentOption())
    .argument("[args...]", "the client's arguments, after `--`")
    .addHelpText(
      "after",
      [
        "",
        "Example: menagerie truss-client -- watch models/greeter",
        "The client is the `truss` on your PATH, else the one that Menagerie builds images with.",
        "MENAGERIE_API_URL and MENAGERIE_API_KEY name another API service and a key for it.",
      ].join("\n"),
    )
    .action(async (args: string[], options: { environment: string }) => {
      if (args.length === 0) throw refuse("truss-client.no-arguments");
      const api = await apiAccess(options.environment);
      const truss = onPath("truss") ?? (await ownClient());
      // Another API service than that of an environment on this machine has no `up` here that could ask.
      const environment = await knownEnvironment(options.environment).catch(() => undefined);
      const onStaged = environment && rememberSent({ environment, project: projectFolder, args, cwd: process.cwd() });
      const { code, refused } = await runTrussClient({ truss, args, api, ...(onStaged ? { onStaged } : {}) });
      const others = [...new Set(refused)];
      if (others.length > 0) console.error(`menagerie: refused, for it is not the API service: ${others.join(", ")}`);
      process.exitCode = code;
    });
}

function onPath(program: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function ownClient(): Promise<string> {
  return interruptible("run it again to go on", async (signal) => {
    const layers = await ensurePythonLayers({ cache: menagerieCache(), progress: terminalProgress(), signal });
    return join(layers.truss, "bin", "truss");
  });
}
