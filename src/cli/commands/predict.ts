import { Command } from "commander";
import { replayUrl } from "../../domain/protocols/asked.ts";
import { batchHelp, type DataOrFile, dataOrFile, sentBy } from "../batch/options.ts";
import { postPrediction } from "../jsonBody.ts";
import { findModel, readModels } from "../models.ts";
import { environmentOption, knownEnvironment } from "../options.ts";
import { refuse } from "./refusals.ts";

interface PredictOptions extends DataOrFile {
  readonly environment: string;
  readonly truss?: string;
  readonly apiKey?: string;
}

export function predictCommand(): Command {
  return dataOrFile(
    new Command("predict")
      .addOption(environmentOption())
      .argument("<model>", "name of a model of the stack, or the url that it predicts at"),
  )
    .option("--truss <dir>", "patch a development version first, if this folder differs from what it runs")
    .option("--api-key <key>", "key to send, or @FILE with it (default: MENAGERIE_API_KEY, to this environment alone)")
    .addHelpText(
      "after",
      `\nExamples: menagerie predict iris --data '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}'\n          menagerie predict iris --file requests.jsonl --out answers.jsonl\n${batchHelp}`,
    )
    .action(async (name: string, options: PredictOptions, command: Command) => {
      const sent = await sentBy(command, options);
      const model = await asked(name, options);
      if ("body" in sent) return console.log(await postPrediction(model.name, model.url, sent.body, model.headers));
      const { predictFile } = await import("../batch/predictFile.ts");
      // A path that no protocol has is taken for one of the model's own; the gateway knows which those are.
      const urlOf = (path: string | undefined) => (path === undefined ? model.url : replayUrl(model.url, path, "own"));
      const { name: named, headers, recorded } = model;
      await predictFile({ model: named, urlOf, headers, isRecorded: recorded }, sent.file);
    });
}

/** Of a url, as answers have it. */
const longestName = 150;

interface Asked {
  /** As sentences and answers name it. */
  readonly name: string;
  readonly url: string;
  /** A key, or nothing. */
  readonly headers: Readonly<Record<string, string>>;
  readonly recorded: boolean;
}

async function asked(given: string, { environment, truss, apiKey }: PredictOptions): Promise<Asked> {
  const isUrl = /^https?:\/\//.test(given);
  const parsed = isUrl ? URL.parse(given) : undefined;
  if (isUrl && (!parsed || truss !== undefined)) throw refuse("predict.url", { url: given });
  const { replayTarget } = await import("../replay/target.ts");
  const { url, headers } = await replayTarget({ to: given, environment, apiKey });
  // Answers name it: without a password.
  if (parsed) return { name: (parsed.origin + parsed.pathname).slice(0, longestName), url, headers, recorded: false };
  const known = await knownEnvironment(environment);
  const model = findModel(await readModels(known.layout), given);
  if (truss !== undefined) {
    const { patchFirst } = await import("../patchFirst.ts");
    await patchFirst(known, model, truss);
  }
  return { name: model.name, url, headers, recorded: model.recorded };
}
