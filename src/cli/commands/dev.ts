import { Command } from "commander";
import { createDevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import { short } from "../../domain/patch/chain.ts";
import { isRowId } from "../../domain/rowId.ts";
import { apiAccess } from "../apiAccess.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { columns } from "../table.ts";
import { refuse } from "./refusals.ts";

interface DevOptions {
  readonly environment: string;
  readonly json: boolean;
}

export function devCommand(): Command {
  const dev = new Command("dev");
  dev
    .command("list")
    .description("List pushed versions with their content, their last push and their last use.")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async ({ environment, json }: DevOptions) => {
      const versions = await createDevelopmentVersions(await apiAccess(environment)).pushed();
      if (json) return console.log(JSON.stringify(versions, null, 2));
      const rows = versions.map((each) => [
        ...[each.model, each.versionId, each.headHash === null ? "-" : short(each.headHash)],
        each.because === null ? each.status : `${each.status}: ${each.because}`,
        ...[new Date(each.pushedAt).toISOString(), each.usedAt === null ? "-" : new Date(each.usedAt).toISOString()],
      ]);
      console.log(columns([["MODEL", "VERSION", "HEAD", "LAST PUSH", "PUSHED", "USED"], ...rows]));
    });
  dev
    .command("delete")
    .description(
      "Delete a pushed version with its service, patches and archives. Versions that a stack declares are refused.",
    )
    .argument("<model>", "its name or version id, as `dev list` shows it")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (nameOrId: string, { environment, json }: DevOptions) => {
      const client = createDevelopmentVersions(await apiAccess(environment));
      const pushed = await client.pushed();
      const found = pushed.filter(({ model, versionId }) => model === nameOrId || versionId === nameOrId);
      const [version, another] = found;
      if (another) {
        throw refuse("dev.ambiguous", { nameOrId });
      }
      if (!version && !isRowId(nameOrId)) {
        throw refuse("dev.not-pushed", { nameOrId });
      }
      const { versionId, model } = await client.remove(version?.versionId ?? nameOrId);
      console.log(json ? JSON.stringify({ versionId, model }) : `${model} is deleted (version ${versionId})`);
    });
  return dev;
}
