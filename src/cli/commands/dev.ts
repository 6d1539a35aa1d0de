import { Command, InvalidArgumentError, Option } from "commander";
import { createDevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import { listDevelopment, listPatches, readWholePatch } from "../../adapters/postgres/developmentHistory.ts";
import { plain } from "../../domain/audit/entry.ts";
import {
  describeHead,
  describeReload,
  type PatchPlace,
  patchPlaceOf,
  type ShownDevelopment,
  type ShownPatch,
} from "../../domain/development/history.ts";
import { short } from "../../domain/patch/chain.ts";
import { describeDifference, patchDifference } from "../../domain/patch/difference.ts";
import { isRowId } from "../../domain/rowId.ts";
import { apiAccess } from "../apiAccess.ts";
import { wholeNumberArgument } from "../numberArguments.ts";
import { asReader } from "../operatorDatabase.ts";
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
    .command("show")
    .description("Show development versions with their heads and patches, who sent each patch and its reload time.")
    .argument("[model]", "model name or version id (default: all)")
    .addOption(
      new Option("--limit <number>", "number of patches to show").default(20).argParser(wholeNumberArgument(1, 1_000)),
    )
    .addOption(
      new Option(
        "--diff <patch>",
        "show the changes of one patch, such as 2.17 (patch 17 of full deployment 2)",
      ).argParser(patchArgument),
    )
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(showVersions);
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

interface ShowOptions extends DevOptions {
  readonly limit: number;
  readonly diff?: PatchPlace;
}

async function showVersions(called: string | undefined, options: ShowOptions): Promise<void> {
  const { environment, limit, diff, json } = options;
  await asReader(environment, async (client) => {
    const versions = await listDevelopment(client, { called });
    const [only, another] = versions;
    if (called !== undefined && !only) throw refuse("dev.unknown", { called });
    if (called === undefined && diff === undefined) {
      return console.log(json ? JSON.stringify(versions, null, 2) : versionsTable(versions));
    }
    if (!only || another) throw refuse("dev.which", { ids: versions.map(({ versionId }) => versionId).join(", ") });
    if (diff === undefined) {
      const patches = await listPatches(client, only.versionId, { limit });
      return console.log(json ? JSON.stringify({ ...only, patches }, null, 2) : versionText(only, patches));
    }
    const found = await readWholePatch(client, only.versionId, diff);
    if (!found) throw refuse("dev.no-patch", { model: only.model, ...diff });
    const changes = patchDifference(found.operations, found.before);
    console.log(
      json ? JSON.stringify({ ...found.patch, changes }, null, 2) : changes.flatMap(describeDifference).join("\n"),
    );
  });
}

function versionsTable(versions: readonly ShownDevelopment[]): string {
  if (versions.length === 0) return "there is no development version";
  const rows = versions.map((each) => [
    ...[each.model, each.versionId, each.organization, describeHead(each)],
    each.patchedAt?.toISOString() ?? "-",
    each.push === null ? "the stack" : `a push, ${each.push.status}`,
  ]);
  return columns([["MODEL", "VERSION", "ORGANIZATION", "HEAD", "LAST PATCH", "DEPLOYED BY"], ...rows]);
}

function versionText(version: ShownDevelopment, patches: readonly ShownPatch[]): string {
  const head = `${version.model}, version ${version.versionId} of ${version.organization}: head ${describeHead(version)}`;
  if (patches.length === 0) return head;
  const rows = patches.map(({ generation, seq, at, nextHash, operations, sentBy, reload }) => [
    ...[`${generation}.${seq}`, at.toISOString(), short(nextHash), sentBy ?? "-", describeReload(reload)],
    operations.map(plain).join(", "),
  ]);
  return `${head}\n\n${columns([["PATCH", "AT", "CONTENT", "SENT BY", "RELOAD", "CHANGES"], ...rows])}`;
}

function patchArgument(text: string): PatchPlace {
  const place = patchPlaceOf(text);
  if (!place) throw new InvalidArgumentError("use a patch such as 2.17, as `menagerie dev show` lists them.");
  return place;
}
