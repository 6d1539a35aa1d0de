import { Command, Option } from "commander";
import { readUsage } from "../../adapters/postgres/limits/readUsage.ts";
import { organizationIdOf } from "../../adapters/postgres/models.ts";
import type { UsageRow } from "../../domain/limits/usage.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { columns } from "../table.ts";
import { timeArgument, timeHelp } from "../timeArgument.ts";

interface UsageOptions {
  readonly environment: string;
  readonly organization?: string;
  readonly since: string;
  readonly csv: boolean;
  readonly json: boolean;
}

const fields = ["day", "organization", "app", "appName", "model", "requests", "tokensIn", "tokensOut"] as const;

export function usageCommand(): Command {
  return new Command("usage")
    .description("Show requests and tokens by UTC day, organization, app and model.")
    .option("--organization <name>", "one organization alone (all)")
    .option("--since <time>", `from the UTC day of this time on: ${timeHelp}`, "30d")
    .addOption(
      new Option("--csv", "print CSV: a header and a line for each day, organization, app and model").default(false),
    )
    .addOption(environmentOption())
    .addOption(jsonOption().conflicts("csv"))
    .action(async (options: UsageOptions) => {
      const since = timeArgument("--since", options.since, new Date()).toISOString().slice(0, 10);
      const rows = await asOperator(options.environment, async (client) => {
        const { organization: name } = options;
        const organizationId = name === undefined ? undefined : await organizationIdOf(client, name);
        return readUsage(client, { organizationId, since });
      });
      if (options.json) return console.log(JSON.stringify(rows, null, 2));
      if (options.csv) return console.log(csvOf(rows));
      if (rows.length === 0) return console.log(`no request was counted since ${since}`);
      const lines = rows.map((row) => [
        row.day,
        row.organization,
        row.app === null ? "–" : `${row.app} ${row.appName ?? "(deleted)"}`,
        row.model,
        ...[row.requests, row.tokensIn, row.tokensOut].map(String),
      ]);
      console.log(columns([["DAY", "ORGANIZATION", "APP", "MODEL", "REQUESTS", "TOKENS IN", "TOKENS OUT"], ...lines]));
    });
}

/** By RFC 4180, its lines ended by a line feed alone. */
function csvOf(rows: readonly UsageRow[]): string {
  const quoted = (value: string | number | null) => {
    const text = String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [fields.join(","), ...rows.map((row) => fields.map((field) => quoted(row[field])).join(","))].join("\n");
}
