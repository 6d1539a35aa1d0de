import { Command } from "commander";
import { recordAudit } from "../../adapters/postgres/audit.ts";
import { listOrganizationLimits, setOrganizationLimits } from "../../adapters/postgres/limits/databaseLimits.ts";
import { organizationIdOf } from "../../adapters/postgres/models.ts";
import { inTransaction } from "../../adapters/postgres/transaction.ts";
import { limitsText } from "../../domain/limits/limits.ts";
import { type LimitOptions, limitChanges, limitOption } from "../limits.ts";
import { asOperator, operatorName } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { columns } from "../table.ts";

interface OrganizationOptions {
  readonly environment: string;
  readonly json: boolean;
}

export function organizationCommand(): Command {
  const organization = new Command("organization");
  organization
    .command("list")
    .description("List organizations with their limits.")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: OrganizationOptions) => {
      const all = await asOperator(options.environment, listOrganizationLimits);
      if (options.json) return console.log(JSON.stringify(all, null, 2));
      console.log(columns([["NAME", "LIMITS"], ...all.map(({ name, limits }) => [name, limitsText(limits)])]));
    });
  organization
    .command("limits")
    .description("Limit the requests and tokens of an organization, over all its keys. It holds within a second.")
    .argument("<name>", "the organization")
    .addOption(limitOption("requestsPerMinute"))
    .addOption(limitOption("tokensPerMinute"))
    .addOption(limitOption("tokensPerDay"))
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (name: string, options: OrganizationOptions & LimitOptions) => {
      const changes = limitChanges(options);
      const limits = await asOperator(options.environment, (client) =>
        inTransaction(client, async () => {
          const set = await setOrganizationLimits(client, await organizationIdOf(client, name), changes);
          if (Object.keys(changes).length > 0) {
            const details = { organization: name, limits: set };
            await recordAudit(client, { what: "organization.limits", who: operatorName(), details });
          }
          return set;
        }),
      );
      console.log(options.json ? JSON.stringify({ organization: name, limits }) : `${name}: ${limitsText(limits)}`);
    });
  return organization;
}
