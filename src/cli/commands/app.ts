import { Command } from "commander";
import { createApp, listApps } from "../../adapters/postgres/apps.ts";
import { badInput } from "../../domain/errors.ts";
import { environmentLayout } from "../../local/layout.ts";
import { readTarget } from "../../local/target.ts";
import { ambientKey, postPrediction, readBody } from "../jsonBody.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { columns } from "../table.ts";

interface CommonOptions {
  readonly environment: string;
  readonly json: boolean;
}

const emailPattern = /^[^\s@]+@[^\s@]+$/;
const idPattern = /^[1-9][0-9]{0,17}$/;

export function appCommand(): Command {
  const app = new Command("app").description("Apps: users' models whose predictions come from a model of the zoo.");
  app
    .command("create")
    .description("Make an app that points at the zoo model's current version.")
    .argument("<zoo model>", "name of a model of the zoo")
    .requiredOption("--owner <email>", "its owner; made, with an organization of that name, when unknown")
    .option("--name <name>", "name of the app, unique in the owner's organization; default: made up")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (zooModel: string, options: CommonOptions & { owner: string; name?: string }) => {
      const { owner, name } = options;
      if (!emailPattern.test(owner)) throw badInput(`--owner "${owner}" is no email; give one such as ada@example.com`);
      const made = await asOperator(options.environment, (client) => createApp(client, { zooModel, owner, name }));
      if (options.json) return console.log(JSON.stringify(made));
      console.log(`app ${made.id} points at version ${made.version} of ${zooModel}, id ${made.proxyModelVersionId}`);
      console.log(`predict: menagerie app predict ${made.id} --data JSON`);
    });
  app
    .command("list")
    .description("List all apps, with the zoo version that each points at.")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: CommonOptions) => {
      const apps = await asOperator(options.environment, listApps);
      if (options.json) return console.log(JSON.stringify(apps, null, 2));
      const rows = apps.map((each) => [each.id, each.name, each.owner ?? "", `${each.zooModel} v${each.version}`]);
      console.log(columns([["ID", "NAME", "OWNER", "ANSWERED BY"], ...rows]));
    });
  app
    .command("predict")
    .description("Send one prediction to an app through the API service and print the answer.")
    .argument("<id>", "the app's id")
    .requiredOption("-d, --data <json>", "the body: JSON, or @FILE")
    .addOption(environmentOption())
    .addHelpText("after", "\nMENAGERIE_API_URL names another API service, MENAGERIE_API_KEY the key to send.")
    .action(async (id: string, options: { environment: string; data: string }) => {
      if (!idPattern.test(id)) throw badInput(`"${id}" is no id of an app; \`menagerie app list\` shows them`);
      const body = await readBody(options.data);
      const url = `${await apiUrl(options.environment)}/models/${id}/predict`;
      console.log((await postPrediction(`app ${id}`, url, body, ambientKey())).trimEnd());
    });
  return app;
}

async function apiUrl(environment: string): Promise<string> {
  const url = process.env.MENAGERIE_API_URL ?? (await readTarget(environmentLayout(environment)))?.apiUrl;
  if (url) return url.replace(/\/+$/, "");
  throw badInput(
    `no API service: set MENAGERIE_API_URL, or bring environment "${environment}" up with \`menagerie up -e ${environment}\``,
  );
}
