import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { compareRecorded } from "../../adapters/postgres/predictions/compareRecorded.ts";
import { recordedConversations } from "../../adapters/postgres/predictions/recordedConversations.ts";
import { askPrimary } from "../../adapters/predictions/askAgain.ts";
import { messageOf } from "../../domain/errors.ts";
import type { ComparisonResult } from "../../domain/shadow/comparisonResult.ts";
import type { Conversation } from "../../domain/shadow/conversation/conversation.ts";
import { comparedSubject, type DeployedShadow } from "../../domain/shadow/deployed.ts";
import { describeComparison } from "../../domain/shadow/description.ts";
import { type ComparedSubject, evidenceHash, evidenceOf, type ShadowEvidence } from "../../domain/shadow/evidence.ts";
import { headlineOf } from "../../domain/shadow/headline.ts";
import { reportPage } from "../../domain/shadow/report/page.ts";
import { reportSubject } from "../../domain/shadow/report/sections.ts";
import { readStackOutputs } from "../../local/stackOutputs.ts";
import { interruptible } from "../interrupt.ts";
import { ambientKey } from "../jsonBody.ts";
import { wholeNumberArgument } from "../numberArguments.ts";
import { asOperator, requireOperatorDatabase } from "../operatorDatabase.ts";
import { environmentOption, jsonOption, knownEnvironment } from "../options.ts";
import { recordShadowEvidence } from "../shadowEvidence.ts";
import { shadowIn } from "../shadows.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { timeArgument, timeHelp } from "../timeArgument.ts";
import { exportedOutputs } from "../up/exportedState.ts";
import { ownEngine } from "../up/ownStack.ts";
import { refuse } from "./refusals.ts";

interface CompareOptions {
  readonly environment: string;
  readonly stack?: string;
  readonly json: boolean;
  readonly gate: boolean;
  readonly shadow?: string;
  readonly since?: string;
  readonly report?: string;
  readonly record?: string;
  readonly askPrimary?: number;
}

/** Until the primary has answered one request again. */
const answerTimeoutMs = 120_000;

export function compareCommand(): Command {
  return new Command("compare")
    .argument("<name>", "name of a shadow deployment of the stack")
    .option("--shadow <shadow>", "which of its shadows; needed if it has several")
    .option("--since <when>", `requests since then only: ${timeHelp}`)
    .option("--report <file>", "write the comparison as an HTML page")
    .option(
      "--ask-primary <count>",
      "send at most so many sampled requests (with a temperature and no seed) to the primary again; their pairs are judged if it answers the same again. This costs its users time, and repeats whatever a request does (default: none; not needed with a noise floor)",
      wholeNumberArgument(1, 1_000),
    )
    .option("--record <zoo model>", "store the verdict as evidence for a rollout of the model to the shadow's content")
    .option(
      "--gate",
      "refuse a deployment that declares no gate; one that is declared and not met ends with 3 anyway",
      false,
    )
    .addOption(environmentOption())
    .option(
      "-s, --stack <name>",
      "a stack of your own Pulumi CLI and backend; MENAGERIE_DATABASE_URL names its database",
    )
    .addOption(jsonOption())
    .addHelpText("after", "\nMENAGERIE_API_KEY is sent to the primary as x-api-key if it is set.")
    .action(async (name: string, options: CompareOptions) => {
      const now = new Date();
      const since = options.since === undefined ? new Date(0) : timeArgument("--since", options.since, now);
      const deployment = shadowIn(await outputsOf(options), name);
      const shadow = chooseShadow(name, deployment, options.shadow);
      if (options.gate && !deployment.gate) {
        throw refuse("compare.no-gate", { name });
      }
      const { result, conversations } = await interruptible("run the same command again", (signal) =>
        compare(options, deployment, shadow, { since, until: now }, signal),
      );
      const subject = comparedSubject(name, deployment, shadow);
      const evidence = evidenceOf(subject, result);
      if (options.report !== undefined)
        await writeReport(options.report, subject, result, conversations, evidence, now);
      const { record: model, environment } = options;
      const recorded =
        model === undefined
          ? null
          : await recordShadowEvidence({
              environment,
              model,
              deployment: name,
              deployed: deployment,
              shadow,
              evidence,
            });
      if (options.json) {
        console.log(
          JSON.stringify({
            headline: headlineOf(result),
            evidenceHash: evidenceHash(evidence),
            evidence,
            result,
            recordedFor: recorded === null ? null : model,
          }),
        );
      } else {
        console.log(describeComparison(subject, result, evidence.verdict ?? undefined));
        if (options.report !== undefined) console.log(`report: ${options.report}`);
        if (recorded !== null) console.log(`evidence for ${model}: ${recorded.slice(0, 12)}`);
      }
      const { verdict } = evidence;
      if (!verdict || verdict.met) return;
      const unmet = verdict.checks.filter(({ met }) => !met).map(({ sentence }) => sentence);
      throw refuse("compare.gate-not-met", { name, unmet: unmet.join("; ") });
    });
}

function outputsOf({ stack, environment }: CompareOptions): Promise<Readonly<Record<string, unknown>>> {
  if (stack === undefined) return knownEnvironment(environment).then(({ layout }) => readStackOutputs(layout));
  requireOperatorDatabase(stack);
  return interruptible("run the same command again", (signal) => exportedOutputs(ownEngine(stack, signal), signal));
}

interface Compared {
  readonly result: ComparisonResult;
  /** Read for a report only. */
  readonly conversations: readonly Conversation[];
}

function compare(
  { environment, askPrimary: most, report }: CompareOptions,
  { url, primary, shadows, noise, compare: rules, percent }: DeployedShadow,
  shadow: string,
  range: { readonly since: Date; readonly until: Date },
  signal: AbortSignal,
): Promise<Compared> {
  const side = shadows[shadow] ?? primary;
  const sides = { primary, shadow: side };
  return asOperator(environment, async (client) => {
    const asked = { client, side: primary, url, headers: ambientKey(), timeoutMs: answerTimeoutMs, signal };
    const again = most === undefined || noise ? undefined : askPrimary({ ...asked, most });
    const selection = { ...range, ...sides, rules, percent, noise: noise ?? undefined, again, signal };
    const result = await compareRecorded(client, selection, terminalProgress());
    const conversations = report === undefined ? [] : await recordedConversations(client, sides, result);
    return { result, conversations };
  });
}

function chooseShadow(name: string, { shadows }: DeployedShadow, wanted: string | undefined): string {
  const names = Object.keys(shadows);
  if (wanted === undefined) {
    const [only] = names;
    if (only !== undefined && names.length === 1) return only;
    throw refuse("compare.which-shadow", { name, count: names.length, names: names.join(", ") });
  }
  if (names.includes(wanted)) return wanted;
  throw refuse("compare.unknown-shadow", { wanted, name, names: names.join(", ") });
}

async function writeReport(
  file: string,
  subject: ComparedSubject,
  result: ComparisonResult,
  conversations: readonly Conversation[],
  evidence: ShadowEvidence,
  generatedAt: Date,
): Promise<void> {
  const page = reportPage(reportSubject(subject, evidence, generatedAt), result, conversations);
  await writeFile(file, page).catch((error: unknown) => {
    throw refuse("report.not-written", { file, reason: messageOf(error) });
  });
}
