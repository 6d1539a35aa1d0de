import { Command, Option } from "commander";
import { adminModels } from "../../../adapters/postgres/zoo/registry.ts";
import { zooModelId } from "../../../adapters/postgres/zoo/versionPairs.ts";
import { versionHeader } from "../../../domain/serving/activator.ts";
import { type RolloutSide, rolloutSides } from "../../../domain/zoo/traffic.ts";
import { apiAccess } from "../../apiAccess.ts";
import { postPrediction, readBody } from "../../jsonBody.ts";
import { asOperator } from "../../operatorDatabase.ts";
import { environmentOption } from "../../options.ts";
import { refuse } from "./refusals.ts";

interface AskOptions {
  readonly side: RolloutSide;
  readonly data: string;
  readonly environment: string;
}

export function askCommand(): Command {
  return new Command("ask")
    .description("Send one prediction to the old or the new version of a rollout, whatever its traffic is.")
    .argument("<zoo model>", "name of a model of the zoo")
    .addOption(new Option("--side <side>", "which version answers").choices(rolloutSides).makeOptionMandatory())
    .requiredOption("--data <json>", "body of the prediction, or @FILE with it")
    .addOption(environmentOption())
    .addHelpText(
      "after",
      `\nExample: menagerie rollout ask iris --side new --data '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}'
The API service needs an admin's key, or one with the right to operate (MENAGERIE_API_KEY; of an environment of this machine, the stack's own).
No judge counts the answer.`,
    )
    .action(ask);
}

async function ask(model: string, { side, data, environment }: AskOptions): Promise<void> {
  const body = await readBody(data);
  const id = await asOperator(environment, async (client) => {
    const found = await zooModelId(client, model);
    if (found !== undefined) return found;
    throw refuse("rollout.model-unknown", { name: model, known: (await adminModels(client)).join(", ") || "none yet" });
  });
  const { url, key } = await apiAccess(environment);
  const headers = { "x-api-key": key, [versionHeader]: side };
  console.log(
    (await postPrediction(`${model}, ${side} version`, `${url}/models/${id}/predict`, body, headers)).trimEnd(),
  );
}
