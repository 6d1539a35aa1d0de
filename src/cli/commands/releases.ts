import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import {
  deploymentAsOf,
  listAttempts,
  listDeployments,
  listTakeBacks,
  recordedEnvironments,
} from "../../adapters/postgres/releases.ts";
import { editText, releaseDifference } from "../../domain/release/difference.ts";
import type { DeployedModel } from "../../domain/release/observed.ts";
import type { DeploymentAttempt, DeploymentRange, RecordedTakeBack } from "../../domain/release/record.ts";
import { timelinePage } from "../../domain/release/timeline/page.ts";
import { localStack } from "../../local/localStack.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, givenOptions, jsonOption, repeated } from "../options.ts";
import { findDeployment, readRecordFile } from "../releases/record.ts";
import { staleness } from "../releases/standing.ts";
import { columns } from "../table.ts";
import { timeArgument, timeHelp } from "../timeArgument.ts";
import { refuse } from "./refusals.ts";

interface ReleasesOptions {
  readonly environment: string;
  readonly stack?: string;
  readonly at?: string;
  readonly json: boolean;
}

const stackHelp = "only the environment of this stack";

export function releasesCommand(): Command {
  const releases = new Command("releases")
    .option("-s, --stack <name>", stackHelp)
    .option("--at <time>", `what was current then: ${timeHelp}`)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: ReleasesOptions) => {
      const [found, takeBacks] = await asOperator(options.environment, async (client) => {
        const all = await listTakeBacks(client);
        if (options.at === undefined) return [await listDeployments(client, { environment: options.stack }), all];
        const at = timeArgument("--at", options.at, new Date());
        const stacks = options.stack === undefined ? await recordedEnvironments(client) : [options.stack];
        const each: (DeploymentRange | undefined)[] = [];
        for (const stack of stacks) each.push(await deploymentAsOf(client, stack, at));
        return [each.filter((range) => range !== undefined), all.filter((taken) => taken.at <= at)];
      });
      const current = found.find(({ until, environment }) => until === null && environment === localStack);
      const stale = current ? await staleness(options.environment, current) : [];
      const withStanding = found.map((range) => ({
        ...range,
        stale: range === current ? stale : [],
        takeBacks: takeBacks.filter(({ at }) => range.since <= at && (range.until === null || at < range.until)),
      }));
      console.log(options.json ? JSON.stringify(withStanding, null, 2) : describe(withStanding));
    });
  releases
    .command("attempts")
    .description(
      "List every attempt to deploy, the latest first: also those that failed, changed nothing or are under way.",
    )
    .option("-s, --stack <name>", stackHelp)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (_: unknown, command: Command) => {
      const options = givenOptions<ReleasesOptions>(command);
      const attempts = await asOperator(options.environment, (client) =>
        listAttempts(client, { environment: options.stack }),
      );
      console.log(options.json ? JSON.stringify(attempts, null, 2) : describeAttempts(attempts));
    });
  releases
    .command("diff")
    .description("Show how two releases of a stack differ. A and B are tags, or numbers of deployments.")
    .argument("<a>", "a tag, or a deployment's number")
    .argument("<b>", "a tag, or a deployment's number")
    .option("-s, --stack <name>", "the stack", "local")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (a: string, b: string, _: unknown, command: Command) => {
      const options = givenOptions<ReleasesOptions & { stack: string }>(command);
      const stack = options.stack ?? "local";
      const [before, after] = await asOperator(options.environment, async (client) => [
        await findDeployment(client, stack, a, "mixed too"),
        await findDeployment(client, stack, b, "mixed too"),
      ]);
      if (!before || !after) throw new Error("two deployments were found and are gone");
      const difference = releaseDifference(before, after);
      if (options.json) return console.log(JSON.stringify(difference, null, 2));
      const edits = difference.config.map(editText).map(({ key, from, to }) => `${key}: ${from} → ${to}`);
      console.log([...difference.changes, ...edits].join("\n") || "the same");
    });
  releases
    .command("timeline")
    .description("Write a page with the timeline of environments, releases and models: one file that needs no network.")
    .requiredOption("--report <file>", "the page to write, such as releases.html")
    .option("--with <file>", "also what `menagerie releases --json` printed elsewhere; may be repeated", repeated, [])
    .addOption(environmentOption())
    .action(async (_: unknown, command: Command) => {
      const options = givenOptions<{
        report: string;
        with: string[];
        stack?: string;
        environment: string;
      }>(command);
      const own = await asOperator(options.environment, (client) =>
        listDeployments(client, { environment: options.stack }),
      );
      const others = await Promise.all(options.with.map(readRecordFile));
      await writeFile(options.report, timelinePage([...own, ...others.flat()], Date.now())).catch((error: Error) => {
        throw refuse("report.not-written", { file: options.report, reason: error.message });
      });
      console.error(`wrote ${options.report}`);
    });
  return releases;
}

/** A deployment, and how what is served differs from it. */
interface StandingRange extends DeploymentRange {
  readonly stale: readonly string[];
  /** What the guard took back while it was current. */
  readonly takeBacks: readonly RecordedTakeBack[];
}

function describe(ranges: readonly StandingRange[]): string {
  if (ranges.length === 0) return "nothing is recorded";
  const rows = ranges.flatMap((range) => [...range.takeBacks.map(takeBackRow), rangeRow(range)]);
  return columns([["ID", "STACK", "RELEASE", "FROM", "UNTIL", "MODELS", "CODE", "BY", ""], ...rows]);
}

function rangeRow(range: StandingRange): string[] {
  return [
    ...[range.id, range.environment, range.tag, moment(range.since), range.until ? moment(range.until) : "now"],
    ...[range.models.map(modelText).join(" "), range.code, range.requestedBy],
    note(range),
  ];
}

/** Between the deployments, where it happened. */
function takeBackRow(taken: RecordedTakeBack): string[] {
  const { model, fromVersion, toVersion, action, at, doneAt, settledBy, cause, reason, resumed } = taken;
  const until = doneAt ? moment(doneAt) : "under way";
  const models = action === "revert" ? `${model}:${toVersion} → ${fromVersion}` : `${model}:${toVersion} held`;
  const because = `verdict ${cause}: ${reason}${resumed ? `; resumed by ${resumed.by}: ${resumed.because}` : ""}`;
  return ["", "", "", moment(at), until, models, "", settledBy, because];
}

function describeAttempts(attempts: readonly DeploymentAttempt[]): string {
  if (attempts.length === 0) return "nothing was attempted";
  const rows = attempts.map(({ id, environment, tag, beganAt, endedAt, outcome, reason, requestedBy }) => [
    ...[id, environment, tag, moment(beganAt), endedAt ? moment(endedAt) : "", outcome, requestedBy, reason ?? ""],
  ]);
  return columns([["ID", "STACK", "RELEASE", "BEGAN", "ENDED", "OUTCOME", "BY", ""], ...rows]);
}

function note({ outcome, reason, promotedFrom, stale }: StandingRange): string {
  if (stale.length > 0) return `stale: ${stale.join(", ")}; run \`up\` without --target`;
  if (outcome === "mixed") return `not complete: ${reason}`;
  return promotedFrom ? `from ${promotedFrom}` : "";
}

function modelText({ name, version }: DeployedModel): string {
  return `${name}:${version ?? "?"}`;
}

function moment(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
