import { Command, Option } from "commander";
import { readAudit } from "../../adapters/postgres/audit.ts";
import { organizationIdOf } from "../../adapters/postgres/models.ts";
import { describeDetails, describeOrigin, plain } from "../../domain/audit/entry.ts";
import { asReader } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { columns } from "../table.ts";
import { timeArgument, timeHelp } from "../timeArgument.ts";

interface AuditOptions {
  readonly environment: string;
  readonly organization?: string;
  readonly since: string;
  readonly what?: string;
  readonly json: boolean;
}

/** More than anybody reads; `--since` and `--what` find the others. */
const most = 10_000;

export function auditCommand(): Command {
  return new Command("audit")
    .description("Show who did what, when and from where, the latest first.")
    .option("--since <time>", `from this time on: ${timeHelp}`, "30d")
    .option("--organization <name>", "what is about one organization alone (all)")
    .addOption(new Option("--what <kind>", "one kind alone, such as key.revoke, or all that begin with it: key (all)"))
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: AuditOptions) => {
      const { environment, organization, what, json } = options;
      const since = timeArgument("--since", options.since, new Date());
      const rows = await asReader(environment, async (client) => {
        const organizationId = organization === undefined ? undefined : await organizationIdOf(client, organization);
        return readAudit(client, { since, what, organizationId, limit: most });
      });
      if (json) return console.log(JSON.stringify(rows, null, 2));
      if (rows.length === 0) return console.log(`nothing is in the audit since ${since.toISOString()}`);
      const lines = rows.map((row) => [
        row.at.toISOString(),
        row.what,
        plain(row.who),
        describeOrigin(row),
        describeDetails(row),
      ]);
      console.log(columns([["AT", "WHAT", "WHO", "FROM", "DETAILS"], ...lines]));
    });
}
