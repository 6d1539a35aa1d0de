import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { badInput, messageOf, OperatorError } from "../../domain/errors.ts";
import { type DeployedModel, readModels } from "../models.ts";
import { environmentOption, existingEnvironment } from "../options.ts";

const timeoutMs = 60_000;

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
      console.log(await predict(model, body));
    });
}

/** The model called `name`; else a sentence that says which there are. */
export function findModel(models: readonly DeployedModel[], name: string): DeployedModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  const names = models.map((candidate) => candidate.name).join(", ");
  throw badInput(`there is no model "${name}"; the stack has ${names || "none: run `menagerie up`"}`);
}

async function readBody(data: string): Promise<string> {
  const text = data.startsWith("@") ? await readDataFile(data.slice(1)) : data;
  try {
    JSON.parse(text);
  } catch (error) {
    throw badInput(`--data is not JSON (${messageOf(error)}); quote it for the shell, as in '{"values": [1]}'`);
  }
  return text;
}

function readDataFile(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw badInput(`--data @${path}: ${messageOf(error)}`);
  });
}

async function predict(model: DeployedModel, body: string): Promise<string> {
  let response: Response;
  try {
    response = await fetch(model.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw new OperatorError(`${model.url} does not answer (${cause}); \`menagerie status\` says what runs`);
  }
  const text = await response.text();
  if (!response.ok) throw new OperatorError(`${model.name} answered HTTP ${response.status}: ${text}`);
  return text;
}
