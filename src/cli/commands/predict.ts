import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { pushTruss } from "../../adapters/api/pushTruss.ts";
import { settle } from "../../adapters/api/settle.ts";
import { readTruss } from "../../adapters/truss/snapshot.ts";
import { changeLine } from "../../domain/development/changeLine.ts";
import { badInput, OperatorError } from "../../domain/errors.ts";
import { projectFolder } from "../../local/engine.ts";
import { recordSentHead } from "../../local/sentHeads.ts";
import { developmentClient } from "../apiAccess.ts";
import { interruptible } from "../interrupt.ts";
import { ambientKey, postPrediction, readBody } from "../jsonBody.ts";
import { type DeployedModel, developmentModel, readModels } from "../models.ts";
import { type ExistingEnvironment, environmentOption, existingEnvironment } from "../options.ts";

/** How long a version may take to run what was sent, in milliseconds. */
const patchWithinMs = 180_000;

export function predictCommand(): Command {
  return new Command("predict")
    .description("Send one prediction through the gateway and print the answer.")
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
      const { engine, target, layout } = await existingEnvironment(options.environment);
      const model = findModel(await readModels(engine), name);
      if (options.truss !== undefined) await patchFirst({ target, layout }, model, options.truss);
      console.log(await postPrediction(model.name, model.url, body, ambientKey()));
    });
}

/** Brings a development version to what a folder holds, so that the prediction is that folder's. */
async function patchFirst(
  { target, layout }: Pick<ExistingEnvironment, "target" | "layout">,
  declared: DeployedModel,
  folder: string,
): Promise<void> {
  const model = developmentModel(declared);
  const client = await developmentClient(target);
  const begun = Date.now();
  await interruptible("run the same command again", async (signal) => {
    const { versionId } = model;
    const pushed = await pushTruss({ client, versionId, read: () => readTruss(folder), signal });
    if (pushed.kind === "deploy") {
      throw new OperatorError(
        [`${model.name} needs a full deployment, run \`menagerie up\`:`, ...pushed.reasons].join("\n  "),
        { exitCode: 3 },
      );
    }
    const isDeclared = (await realpath(folder)) === (await realpath(join(projectFolder, model.truss)));
    if (isDeclared) await recordSentHead(layout, versionId, pushed.head.hash);
    if (pushed.kind === "same") return;
    const { patches, answer } = pushed;
    if (answer.state !== "synced") {
      const report = (because: string): void => console.error(`… ${model.name}: ${because}`);
      await settle({ client, versionId, model: model.name, withinMs: patchWithinMs, report, signal });
    }
    const change = { patches, hot: answer.hot, milliseconds: Date.now() - begun, headHash: answer.headHash };
    console.error(changeLine(change));
  });
}

/** The model called `name`; else a sentence that says which there are. */
export function findModel(models: readonly DeployedModel[], name: string): DeployedModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  const names = models.map((candidate) => candidate.name).join(", ");
  throw badInput(`there is no model "${name}"; the stack has ${names || "none: run `menagerie up`"}`);
}
