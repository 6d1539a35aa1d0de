import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { pushTruss } from "../adapters/api/pushTruss.ts";
import { syncUntilAnswering } from "../adapters/api/syncUntilAnswering.ts";
import { readTruss } from "../adapters/truss/snapshot.ts";
import { changeLine } from "../domain/development/changeLine.ts";
import { projectFolder } from "../local/localStack.ts";
import { recordSentHead } from "../local/sentHeads.ts";
import { developmentClient } from "./apiAccess.ts";
import { interruptible } from "./interrupt.ts";
import { type DeployedModel, developmentModel } from "./models.ts";
import type { KnownEnvironment } from "./options.ts";
import { refuse } from "./refusals.ts";

/** How long a version may take to run what was sent, in milliseconds. */
const patchWithinMs = 180_000;

/** Brings a development version to what a folder holds, so that the prediction is that folder's. */
export async function patchFirst(
  { target, layout }: KnownEnvironment,
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
      throw refuse("patch.needs-full-deployment", { model: model.name, reasons: pushed.reasons.join("; ") });
    }
    const isDeclared = (await realpath(folder)) === (await realpath(join(projectFolder, model.truss)));
    if (isDeclared) await recordSentHead(layout, versionId, pushed.head.hash);
    if (pushed.kind === "same") return;
    const { patches, answer } = pushed;
    if (answer.state !== "synced") {
      const report = (reason: string): void => console.error(`… ${model.name}: ${reason}`);
      await syncUntilAnswering({ client, versionId, model: model.name, withinMs: patchWithinMs, report, signal });
    }
    const change = { patches, hot: answer.hot, milliseconds: Date.now() - begun, headHash: answer.headHash };
    console.error(changeLine(change));
  });
}
