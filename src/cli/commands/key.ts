import { Command } from "commander";
import { createKey, listKeys, revokeKey } from "../../adapters/postgres/apiKeys.ts";
import { modelIdOf, organizationIdOf } from "../../adapters/postgres/models.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { columns } from "../table.ts";
import { refuse } from "./refusals.ts";

interface KeyOptions {
  readonly environment: string;
  readonly json: boolean;
}

export function keyCommand(): Command {
  const key = new Command("key");
  key
    .command("create")
    .description("Make a key. It is printed once: only its hash is stored.")
    .option("--model <name>", "a key for this app or model alone; its name or id")
    .option("--organization <name>", "a key for every model of this organization")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: KeyOptions & { model?: string; organization?: string }) => {
      const { model, organization } = options;
      const made = await asOperator(options.environment, async (client) => {
        if (model !== undefined && organization === undefined) {
          return createKey(client, { modelId: await modelIdOf(client, model) });
        }
        if (organization !== undefined && model === undefined) {
          return createKey(client, { organizationId: await organizationIdOf(client, organization) });
        }
        throw refuse("key.no-scope");
      });
      console.log(options.json ? JSON.stringify(made) : made.key);
    });
  key
    .command("list")
    .description("List all keys: what each opens, not the keys themselves.")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: KeyOptions) => {
      const keys = await asOperator(options.environment, listKeys);
      if (options.json) return console.log(JSON.stringify(keys, null, 2));
      const rows = keys.map((each) => [
        each.id,
        each.prefix,
        each.model === null ? `organization ${each.organization}` : `model ${each.model}`,
        each.createdAt.toISOString(),
        each.revokedAt ? `revoked ${each.revokedAt.toISOString()}` : "valid",
      ]);
      console.log(columns([["ID", "PREFIX", "OPENS", "MADE", "STATE"], ...rows]));
    });
  key
    .command("revoke")
    .description("Revoke a key. The API service refuses it within a second.")
    .argument("<key>", "its id or prefix, as `key list` shows it")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (idOrPrefix: string, options: KeyOptions) => {
      const prefix = await asOperator(options.environment, (client) => revokeKey(client, idOrPrefix));
      console.log(options.json ? JSON.stringify({ prefix }) : `key ${prefix} is revoked`);
    });
  return key;
}
