import { Command } from "commander";
import { badInput } from "../../domain/errors.ts";
import { postPrediction, readBody } from "../jsonBody.ts";
import { type DeployedModel, readModels } from "../models.ts";
import { environmentOption, existingEnvironment } from "../options.ts";

export function predictCommand(): Command {
  return new Command("predict")
    .description("Send one prediction through the gateway and print the answer.")
    .addOption(environmentOption())
    .argument("<model>", "name of a model of the stack")
    .requiredOption("-d, --data <json>", "the body: JSON, or @FILE")
    .addHelpText("after", `\nExample: menagerie predict iris --data '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}'`)
    .action(async (name: string, options: { environment: string; data: string }) => {
      const body = await readBody(options.data);
      const { engine } = await existingEnvironment(options.environment);
      const model = findModel(await readModels(engine), name);
      console.log(await postPrediction(model.name, model.url, body));
    });
}

/** The model called `name`; else a sentence that says which there are. */
export function findModel(models: readonly DeployedModel[], name: string): DeployedModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  const names = models.map((candidate) => candidate.name).join(", ");
  throw badInput(`there is no model "${name}"; the stack has ${names || "none: run `menagerie up`"}`);
}
