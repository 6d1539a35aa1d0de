import { Command } from "commander";
import { ambientKey, postPrediction, readBody } from "../jsonBody.ts";
import { findModel, readModels } from "../models.ts";
import { environmentOption, knownEnvironment } from "../options.ts";

export function predictCommand(): Command {
  return new Command("predict")
    .addOption(environmentOption())
    .argument("<model>", "name of a model of the stack")
    .requiredOption("-d, --data <json>", "the body: JSON, or @FILE")
    .option("--truss <dir>", "patch a development version first, where this folder differs from what it runs")
    .addHelpText(
      "after",
      `\nExample: menagerie predict iris --data '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}'\nMENAGERIE_API_KEY is sent as x-api-key where it is set.`,
    )
    .action(async (name: string, options: { environment: string; data: string; truss?: string }) => {
      const body = await readBody(options.data);
      const environment = await knownEnvironment(options.environment);
      const model = findModel(await readModels(environment.layout), name);
      if (options.truss !== undefined) {
        const { patchFirst } = await import("../patchFirst.ts");
        await patchFirst(environment, model, options.truss);
      }
      console.log(await postPrediction(model.name, model.url, body, ambientKey()));
    });
}
