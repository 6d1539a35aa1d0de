import { Command, InvalidArgumentError, Option } from "commander";
import type { ClientBase } from "pg";
import { createKey, createRoleKey, type ListedKey, listKeys, revokeKey } from "../../adapters/postgres/apiKeys.ts";
import { recordAudit } from "../../adapters/postgres/audit.ts";
import { setKeyLimits } from "../../adapters/postgres/limits/databaseLimits.ts";
import { modelIdOf, organizationIdOf } from "../../adapters/postgres/models.ts";
import { inTransaction } from "../../adapters/postgres/transaction.ts";
import type { StoredScope } from "../../domain/access/apiKey.ts";
import { type KeyRight, keyRights } from "../../domain/access/rights.ts";
import { type KeyRole, keyRoles } from "../../domain/access/roles.ts";
import { limitsText } from "../../domain/limits/limits.ts";
import { type LimitOptions, limitChanges, limitOption, newLimits } from "../limits.ts";
import { asOperator, operatorName } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { columns } from "../table.ts";
import { refuse } from "./refusals.ts";

interface CreateOptions extends KeyOptions, LimitOptions {
  readonly model?: string;
  readonly organization?: string;
  readonly right: readonly KeyRight[];
  readonly role?: KeyRole;
}

interface KeyOptions {
  readonly environment: string;
  readonly json: boolean;
}

export function keyCommand(): Command {
  const key = new Command("key");
  key
    .command("create")
    .description("Create a key. It is printed once; only its hash is stored.")
    .option("--model <name>", "a key for this app or model alone; its name or id")
    .option("--organization <name>", "a key for every model of this organization")
    .addOption(
      new Option(
        "--right <right>",
        `what it may do besides predicting: ${keyRights.join(", ")}; may be given several times`,
      )
        .default([])
        .argParser((right: string, before: readonly KeyRight[]) => [...before, knownRight(right)]),
    )
    .addOption(
      new Option(
        "--role <role>",
        "a person's key for the console instead of one that predicts; of --organization, else of the whole environment",
      )
        .choices(keyRoles)
        .conflicts(["model", "right", "requestsPerMinute", "tokensPerMinute", "tokensPerDay"]),
    )
    .addOption(limitOption("requestsPerMinute"))
    .addOption(limitOption("tokensPerMinute"))
    .addOption(limitOption("tokensPerDay"))
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: CreateOptions) => {
      const { model, organization, right: rights, role } = options;
      const limits = newLimits(options);
      const made = await asOperator(options.environment, async (client) => {
        if (role !== undefined) return createPersonsKey(client, role, organization);
        const scope = await scopeOf(client, model, organization);
        return inTransaction(client, async () => {
          const { id, key, prefix } = await createKey(client, scope, [...new Set(rights)], limits);
          const details = { id, prefix, ...scope, rights, limits };
          await recordAudit(client, { what: "key.create", who: operatorName(), details });
          return { id, key };
        });
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
        opensText(each),
        each.role ?? (each.rights.join(" ") || "–"),
        limitsText(each.limits),
        each.createdAt.toISOString(),
        each.revokedAt ? `revoked ${each.revokedAt.toISOString()}` : "valid",
      ]);
      console.log(columns([["ID", "PREFIX", "OPENS", "RIGHTS", "LIMITS", "MADE", "STATE"], ...rows]));
    });
  key
    .command("limits")
    .description("Limit the requests and tokens of a key, over all pods and both ways in. It holds within a second.")
    .argument("<key>", "its id or prefix, as `key list` shows it")
    .addOption(limitOption("requestsPerMinute"))
    .addOption(limitOption("tokensPerMinute"))
    .addOption(limitOption("tokensPerDay"))
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (idOrPrefix: string, options: KeyOptions & LimitOptions) => {
      const changes = limitChanges(options);
      const { prefix, limits } = await asOperator(options.environment, (client) =>
        inTransaction(client, async () => {
          const set = await setKeyLimits(client, idOrPrefix, changes);
          if (Object.keys(changes).length > 0) {
            const details = { prefix: set.prefix, limits: set.limits };
            await recordAudit(client, { what: "key.limits", who: operatorName(), details });
          }
          return set;
        }),
      );
      console.log(options.json ? JSON.stringify({ prefix, limits }) : `key ${prefix}: ${limitsText(limits)}`);
    });
  key
    .command("revoke")
    .description("Revoke a key. The API service refuses it within a second.")
    .argument("<key>", "its id or prefix, as `key list` shows it")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (idOrPrefix: string, options: KeyOptions) => {
      const prefix = await asOperator(options.environment, (client) =>
        inTransaction(client, async () => {
          const revoked = await revokeKey(client, idOrPrefix);
          await recordAudit(client, { what: "key.revoke", who: operatorName(), details: { prefix: revoked } });
          return revoked;
        }),
      );
      console.log(options.json ? JSON.stringify({ prefix }) : `key ${prefix} is revoked`);
    });
  return key;
}

function createPersonsKey(
  client: ClientBase,
  role: KeyRole,
  organization: string | undefined,
): Promise<{ id: string; key: string }> {
  return inTransaction(client, async () => {
    const organizationId = organization === undefined ? undefined : await organizationIdOf(client, organization);
    const { id, key, prefix } = await createRoleKey(client, role, organizationId);
    const details = { id, prefix, role, organizationId: organizationId ?? null };
    await recordAudit(client, { what: "key.create", who: operatorName(), details });
    return { id, key };
  });
}

function opensText({ model, organization, role }: ListedKey): string {
  const where = model === null ? `organization ${organization}` : `model ${model}`;
  return role === null ? where : `console of ${organization === null ? "the environment" : where}`;
}

async function scopeOf(
  client: ClientBase,
  model: string | undefined,
  organization: string | undefined,
): Promise<StoredScope> {
  if (model !== undefined && organization === undefined) return { modelId: await modelIdOf(client, model) };
  if (organization !== undefined && model === undefined) {
    return { organizationId: await organizationIdOf(client, organization) };
  }
  throw refuse("key.no-scope");
}

function knownRight(text: string): KeyRight {
  const right = keyRights.find((each) => each === text);
  if (right) return right;
  throw new InvalidArgumentError(`use ${keyRights.join(", ")}.`);
}
