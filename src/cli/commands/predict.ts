import { Command } from "commander";
import { replayUrl } from "../../domain/protocols/asked.ts";
import { batchHelp, type DataOrFile, dataOrFile, sentBy } from "../batch/options.ts";
import { ambientKey, postPrediction } from "../jsonBody.ts";
import { findModel, readModels } from "../models.ts";
import { environmentOption, knownEnvironment } from "../options.ts";
import { refuse } from "./refusals.ts";

interface PredictOptions extends DataOrFile {
  readonly environment: string;
  readonly truss?: string;
}

export function predictCommand(): Command {
  return dataOrFile(
    new Command("predict")
      .addOption(environmentOption())
      .argument("<model>", "name of a model of the stack, or the url that it predicts at"),
  )
    .option("--truss <dir>", "patch a development version first, where this folder differs from what it runs")
    .addHelpText(
      "after",
      `\nExamples: menagerie predict iris --data '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}'\n          menagerie predict iris --file requests.jsonl --out answers.jsonl\nMENAGERIE_API_KEY is sent as x-api-key where it is set.${batchHelp}`,
    )
    .action(async (name: string, options: PredictOptions, command: Command) => {
      const sent = await sentBy(command, options);
      const model = await asked(name, options);
      if ("body" in sent) return console.log(await postPrediction(model.name, model.url, sent.body, ambientKey()));
      const { predictFile } = await import("../batch/predictFile.ts");
      // A path that no protocol has is taken for one of the model's own; the gateway knows which those are.
      const urlOf = (path: string | undefined) => (path === undefined ? model.url : replayUrl(model.url, path, "own"));
      await predictFile({ model: model.name, urlOf, isRecorded: model.recorded }, sent.file);
    });
}

/** Of a url, as answers have it. */
const longestName = 150;

async function asked(
  name: string,
  { environment: environmentName, truss }: PredictOptions,
): Promise<{ readonly name: string; readonly url: string; readonly recorded: boolean }> {
  if (/^https?:\/\//.test(name)) {
    const url = URL.parse(name);
    if (!url || truss !== undefined) throw refuse("predict.url", { url: name });
    // Answers name it: without a password.
    return { name: (url.origin + url.pathname).slice(0, longestName), url: name, recorded: false };
  }
  const environment = await knownEnvironment(environmentName);
  const model = findModel(await readModels(environment.layout), name);
  if (truss !== undefined) {
    const { patchFirst } = await import("../patchFirst.ts");
    await patchFirst(environment, model, truss);
  }
  return model;
}
