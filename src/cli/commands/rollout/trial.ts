import { Command } from "commander";
import type { ClientBase } from "pg";
import { movingTarget } from "../../../adapters/postgres/zoo/migration/target.ts";
import { endTrial, startTrial } from "../../../adapters/postgres/zoo/migration/trial.ts";
import { appPointer, currentZooVersion } from "../../../adapters/postgres/zoo/versionPairs.ts";
import { copyName } from "../../../domain/zoo/plan.ts";
import { asOperator, operatorServer } from "../../operatorDatabase.ts";
import { environmentOption, environmentSuffix, jsonOption } from "../../options.ts";
import { refuse } from "./refusals.ts";

interface TrialOptions {
  readonly app: string;
  readonly environment: string;
  readonly json: boolean;
}

export function tryCommand(): Command {
  return trialCommand("try", "Point one app at the copy of a zoo model, to try it before the rollout.").action(tryCopy);
}

export function untryCommand(): Command {
  return trialCommand("untry", "Point an app back to where it was before `rollout try`.").action(untryCopy);
}

function trialCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument("<zoo model>", "name of a model of the zoo")
    .requiredOption("--app <id>", "the app's id, as `app list` shows it")
    .addOption(environmentOption())
    .addOption(jsonOption());
}

async function tryCopy(model: string, { app, environment, json }: TrialOptions): Promise<void> {
  const { copy, pointer } = await look(model, app, environment);
  // The copy's versions follow each other in one place: an app that tries an earlier one is answered by the latest.
  if (pointer.zooModel !== copyName(model)) {
    if (pointer.zooModel !== model) {
      throw refuse("trial.other-model", { app, zooModel: pointer.zooModel, model });
    }
    const trial = { name: `try ${model}`, rowId: pointer.versionId, from: pointer.pointsAt, to: copy };
    await movingTarget({ server: await operatorServer(environment) }, (client) => startTrial(client, trial));
  }
  const back = `menagerie rollout untry ${model} --app ${app}${environmentSuffix(environment)}`;
  console.log(
    json
      ? JSON.stringify({ app, pointsAt: copy })
      : `app ${app} points at ${copyName(model)}, id ${copy}\nback: ${back}`,
  );
}

async function untryCopy(model: string, { app, environment, json }: TrialOptions): Promise<void> {
  const pointer = await asOperator(environment, (client) => requireApp(client, app));
  const pointsAt =
    pointer.zooModel === copyName(model)
      ? await movingTarget({ server: await operatorServer(environment) }, (client) =>
          endTrial(client, pointer.versionId, pointer.pointsAt),
        )
      : undefined;
  if (pointsAt === undefined) {
    throw refuse("trial.not-trying", { app, copy: copyName(model), zooModel: pointer.zooModel });
  }
  console.log(json ? JSON.stringify({ app, pointsAt }) : `app ${app} points at ${model} again, id ${pointsAt}`);
}

function look(model: string, app: string, environment: string) {
  return asOperator(environment, async (client) => {
    const copy = await currentZooVersion(client, copyName(model));
    if (copy === undefined) {
      throw refuse("trial.no-copy", { model });
    }
    return { copy, pointer: await requireApp(client, app) };
  });
}

async function requireApp(client: ClientBase, app: string) {
  const pointer = await appPointer(client, app);
  if (!pointer) throw refuse("trial.no-app", { app });
  return pointer;
}
