import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import type { ClientBase } from "pg";
import {
  type ImpactedVersion,
  impactedByRelease,
  impactedByRollout,
  readImpact,
} from "../../adapters/postgres/zoo/impact.ts";
import { messageOf } from "../../domain/errors.ts";
import { describeImpact, type Impact, impactHeadline, impactTotals } from "../../domain/zoo/impact.ts";
import { impactPage } from "../../domain/zoo/impactPage.ts";
import { localStack } from "../../local/localStack.ts";
import { asReader } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { refuse } from "./refusals.ts";

interface ImpactOptions {
  readonly environment: string;
  readonly stack: string;
  readonly rollout?: string;
  readonly release?: string;
  readonly report?: string;
  readonly json: boolean;
}

export function impactCommand(): Command {
  return new Command("impact")
    .addOption(
      new Option(
        "--rollout <zoo model>",
        "the new version of the rollout that the model is in, or was in last",
      ).conflicts("release"),
    )
    .option("--release <tag>", "every zoo model's version of a release, each time that it was current")
    .option("-s, --stack <name>", "the stack that the release was deployed to", localStack)
    .option("--report <file>", "write it as an HTML page as well")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nApps in menagerie:migrationTarget's table are not among those that are listed; their requests are counted.",
    )
    .action(async (options: ImpactOptions) => {
      if (options.rollout === undefined && options.release === undefined) throw refuse("impact.which");
      const now = new Date();
      const impact = await asReader(options.environment, (client) => impactOf(client, options, now));
      if (options.report !== undefined) {
        const file = options.report;
        await writeFile(file, impactPage(impact, now)).catch((error: unknown) => {
          throw refuse("report.not-written", { file, reason: messageOf(error) });
        });
      }
      if (options.json) {
        console.log(
          JSON.stringify({ ...impact, headline: impactHeadline(impact), totals: impactTotals(impact) }, null, 2),
        );
        return;
      }
      console.log(describeImpact(impact));
      if (options.report !== undefined) console.log(`report: ${options.report}`);
    });
}

async function impactOf(client: ClientBase, { rollout, release, stack }: ImpactOptions, now: Date): Promise<Impact> {
  const [subject, found] = await impacted(client, rollout, release, stack);
  const versions = [];
  for (const version of found) versions.push(await readImpact(client, version, now));
  return { subject, versions };
}

async function impacted(
  client: ClientBase,
  rollout: string | undefined,
  release: string | undefined,
  stack: string,
): Promise<readonly [subject: string, found: readonly ImpactedVersion[]]> {
  if (rollout !== undefined) {
    const version = await impactedByRollout(client, rollout);
    if (!version) throw refuse("impact.no-rollout", { rollout });
    return [`the rollout of ${rollout}`, [version]];
  }
  if (release === undefined) return ["nothing", []];
  const versions = await impactedByRelease(client, stack, release);
  if (versions.length === 0) throw refuse("impact.no-release", { release, stack });
  return [`release ${release}`, versions];
}
