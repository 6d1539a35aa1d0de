import { Command } from "commander";
import { createApp, listApps } from "../../adapters/postgres/apps.ts";
import { requireApp } from "../../adapters/postgres/console/app.ts";
import { deleteApp, listDeletedApps, undeleteApp } from "../../adapters/postgres/deletedApps.ts";
import { causeOfMove, describeMove } from "../../domain/console/appMoves.ts";
import { operationAsked } from "../../domain/protocols/asked.ts";
import { leadsOut } from "../../domain/protocols/leadsOut.ts";
import { isRowId } from "../../domain/rowId.ts";
import { environmentLayout } from "../../local/layout.ts";
import { readTarget } from "../../local/target.ts";
import { batchHelp, type DataOrFile, dataOrFile, sentBy } from "../batch/options.ts";
import { ambientKey, postPrediction } from "../jsonBody.ts";
import { asOperator, asReader } from "../operatorDatabase.ts";
import { environmentOption, environmentSuffix, jsonOption } from "../options.ts";
import { columns } from "../table.ts";
import { refuse } from "./refusals.ts";

interface CommonOptions {
  readonly environment: string;
  readonly json: boolean;
}

const emailPattern = /^[^\s@]+@[^\s@]+$/;

export function appCommand(): Command {
  const app = new Command("app");
  app
    .command("create")
    .description("Create an app that points at the zoo model's current version.")
    .argument("<zoo model>", "name of a model of the zoo")
    .requiredOption("--owner <email>", "its owner; made, with an organization of that name, when unknown")
    .option("--name <name>", "name of the app, unique in the owner's organization; default: made up")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nClients of OpenAI's API reach it at <API service>/models/<id>/v1, Anthropic's at <API service>/models/<id>, with a key of `menagerie key create --model <id>`.",
    )
    .action(async (zooModel: string, options: CommonOptions & { owner: string; name?: string }) => {
      const { owner, name } = options;
      if (!emailPattern.test(owner)) throw refuse("app.owner-not-an-email", { owner });
      const made = await asOperator(options.environment, (client) => createApp(client, { zooModel, owner, name }));
      if (options.json) return console.log(JSON.stringify(made));
      console.log(`app ${made.id} points at version ${made.version} of ${zooModel}, id ${made.proxyModelVersionId}`);
      console.log(`predict: menagerie app predict ${made.id} --data JSON${environmentSuffix(options.environment)}`);
    });
  app
    .command("list")
    .description("List all apps, with the zoo version that each points at.")
    .option("--deleted", "deleted apps, which `app undelete` restores")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: CommonOptions & { deleted?: boolean }) => {
      if (options.deleted) return listDeleted(options);
      const apps = await asOperator(options.environment, listApps);
      if (options.json) return console.log(JSON.stringify(apps, null, 2));
      const rows = apps.map((each) => [each.id, each.name, each.owner ?? "", `${each.zooModel} v${each.version}`]);
      console.log(columns([["ID", "NAME", "OWNER", "ANSWERED BY"], ...rows]));
    });
  app
    .command("show")
    .description("Show an app: which version answers it, and how its pointer came there.")
    .argument("<id>", "the app's id")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (id: string, options: CommonOptions) => {
      const { app, moves } = await asReader(options.environment, (client) => requireApp(client, appId(id)));
      if (options.json) return console.log(JSON.stringify({ ...app, moves }, null, 2));
      console.log(`app ${app.id}, "${app.name}", is answered by ${app.zooModel} v${app.version}`);
      console.log(`  owner         ${app.owner ?? "none"}`);
      console.log(`  organization  ${app.organization}`);
      console.log(columns(moves.map((move) => [move.at.toISOString(), describeMove(move), causeOfMove(move)])));
    });
  app
    .command("delete")
    .description("Delete an app: it stops answering, and rollouts ignore it. Its name and keys are kept.")
    .argument("<id>", "the app's id")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (id: string, options: CommonOptions) => {
      const deleted = await asOperator(options.environment, (client) => deleteApp(client, appId(id)));
      if (options.json) return console.log(JSON.stringify(deleted));
      const { name, zooModel, version } = deleted;
      console.log(`app ${id}, "${name}", is deleted; it pointed at version ${version} of ${zooModel}`);
      console.log(`bring it back: menagerie app undelete ${id}${environmentSuffix(options.environment)}`);
    });
  app
    .command("undelete")
    .description("Restore a deleted app: it points where it did, or at the current version if that one is gone.")
    .argument("<id>", "the app's id")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (id: string, options: CommonOptions) => {
      const app = await asOperator(options.environment, (client) => undeleteApp(client, appId(id)));
      if (options.json) return console.log(JSON.stringify(app));
      console.log(`app ${id} points at version ${app.version} of ${app.zooModel}, id ${app.proxyModelVersionId}`);
    });
  dataOrFile(
    app
      .command("predict")
      .description("Send one prediction, or one for each line of a file, to an app through the API service.")
      .argument("<id>", "the app's id")
      .addOption(environmentOption()),
  )
    .addHelpText(
      "after",
      `\nMENAGERIE_API_URL names another API service, MENAGERIE_API_KEY the key to send.${batchHelp}`,
    )
    .action(async (id: string, options: DataOrFile & { environment: string }, command: Command) => {
      const sent = await sentBy(command, options);
      const base = `${await apiUrl(options.environment)}/models/${appId(id)}`;
      if ("body" in sent) {
        const answer = await postPrediction(`app ${id}`, `${base}/predict`, sent.body, ambientKey());
        return console.log(answer.trimEnd());
      }
      const { predictFile } = await import("../batch/predictFile.ts");
      // Whether its model is recorded only the platform knows.
      const urlOf = (path: string | undefined) => appUrl(base, path);
      await predictFile({ model: `app ${id}`, urlOf, headers: ambientKey(), isRecorded: false }, sent.file);
    });
  return app;
}

/** Apps answer what protocols have, and nothing else. */
function appUrl(base: string, path = "/predict"): string | undefined {
  return path === "/predict" || (operationAsked(path) && !leadsOut(path)) ? base + path : undefined;
}

function appId(given: string): string {
  if (isRowId(given)) return given;
  throw refuse("app.not-an-id", { given });
}

async function listDeleted({ environment, json }: CommonOptions): Promise<void> {
  const apps = await asOperator(environment, listDeletedApps);
  if (json) return console.log(JSON.stringify(apps, null, 2));
  const rows = apps.map(({ id, name, owner, zooModel, version, deletedAt, deletedBy }) => [
    ...[id, name, owner ?? "", `${zooModel} v${version}`],
    ...[deletedAt.toISOString().replace(/\.\d+Z$/, "Z"), deletedBy],
  ]);
  console.log(columns([["ID", "NAME", "OWNER", "POINTED AT", "DELETED", "BY"], ...rows]));
}

async function apiUrl(environment: string): Promise<string> {
  const url = process.env.MENAGERIE_API_URL ?? (await readTarget(environmentLayout(environment)))?.apiUrl;
  if (url) return url.replace(/\/+$/, "");
  throw refuse("app.no-api", { environment });
}
