import { spawn } from "node:child_process";
import { kubeConfigOfContext } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { requireKubeContext } from "../../adapters/kubernetes/kubeContexts.ts";
import { readRunnable } from "../../adapters/postgres/trial/readRunnable.ts";
import type { Progress } from "../../domain/progress.ts";
import { variableOf } from "../../domain/release/environment.ts";
import type { StackConfig } from "../../domain/release/restore.ts";
import type { RunnableCombination } from "../../domain/trial/combination.ts";
import type { BringUp, Trial, TrialState, TriedModel } from "../../domain/trial/trial.ts";
import { environmentLayout } from "../../local/layout.ts";
import { projectFolder } from "../../local/localStack.ts";
import { preflight } from "../../local/preflight/index.ts";
import { type AskedAt, askedAt, shownAddress } from "../exampleCall.ts";
import { untilInterrupted } from "../interrupt.ts";
import { asReader, operatorName } from "../operatorDatabase.ts";
import { findDeployment } from "../releases/record.ts";
import { columns } from "../table.ts";
import { terminalProgress } from "../terminalProgress.ts";
import type { Duration } from "../timeArgument.ts";
import { bringUpBeside } from "./bringUp.ts";
import { openGateway, type TrialGateway } from "./gateway.ts";
import { refuse } from "./refusals.ts";
import { secretFix, secretValues } from "./secretValues.ts";
import { copyOfState, type TrialStateOptions, wantsRows } from "./stateRows.ts";

export interface TryOptions extends TrialStateOptions {
  readonly model?: readonly string[];
  readonly cluster?: string;
  readonly pool?: string;
  readonly egress: boolean;
  readonly port?: number;
  readonly for: Duration;
  readonly startWithin: Duration;
  readonly json: boolean;
}

/**
 * Brings up a release beside the live one and keeps it until Ctrl-C, until its time is over, or until the command that it is for has ended. Answers the exit
 * code.
 */
export function tryRelease(release: string, command: readonly string[], options: TryOptions): Promise<number> {
  // What a second one leaves ends with this process.
  return untilInterrupted("nothing of the trial is left", (signal) => tryUntil(signal, release, command, options));
}

async function tryUntil(
  signal: AbortSignal,
  release: string,
  command: readonly string[],
  options: TryOptions,
): Promise<number> {
  const progress = terminalProgress();
  if ((options.cluster === undefined) !== (options.pool === undefined)) throw refuse("try.cluster-and-pool");
  const { combination, config } = await readRelease(release, options);
  const until = new Date(Date.now() + options.for.milliseconds);
  const bringUp = await bringUpFor(options, progress);
  const trial = await bringUp(combination, {
    state: await stateOf(combination, options, progress),
    egress: options.egress,
    secrets: await secretValues(combination, config, options),
    deadline: until,
    startWithinSeconds: options.startWithin.milliseconds / 1000,
    progress,
    signal,
  });
  try {
    const namespace = typeof config.namespace === "string" ? config.namespace : "models";
    const gateway = await openGateway(trial.models, { namespace, port: options.port ?? 0 });
    try {
      const answering = await answeringModels(combination, trial, gateway);
      if (command.length > 0) return await runFor(trial, { url: gateway.url, models: answering }, command, signal);
      const { name: release } = combination;
      if (options.json) console.log(JSON.stringify({ release, url: gateway.url, until, models: answering }));
      else console.log(asText(release, answering, options));
      await ended(trial, signal);
      return 0;
    } finally {
      await gateway.close();
    }
  } finally {
    await trial.dispose();
  }
}

/** On this machine, or in a cluster of the user's kubeconfig. */
async function bringUpFor(options: TryOptions, progress: Progress): Promise<BringUp> {
  const { environment, cluster, pool } = options;
  if (cluster === undefined || pool === undefined) {
    await preflight({ progress });
    return bringUpBeside(environment, { secretFix: secretFix(options) });
  }
  requireKubeContext(cluster, "--cluster");
  const { home } = environmentLayout(environment);
  const { bringUpInCluster } = await import("../../local/trial/cluster/bringUpInCluster.ts");
  const config = kubeConfigOfContext(cluster);
  return bringUpInCluster({ home, config, pool, owner: operatorName(), secretFix: secretFix(options) });
}

/** The combination of a release, or of some models of it, and the config that it was made from. */
async function readRelease(
  release: string,
  { environment, stack, model: wanted }: TryOptions,
): Promise<{ readonly combination: RunnableCombination; readonly config: StackConfig }> {
  const { combination, config } = await asReader(environment, async (client) => {
    const deployment = await findDeployment(client, stack, release);
    return { combination: await readRunnable(client, deployment, projectFolder), config: deployment.config };
  });
  const unknown = wanted?.find((name) => !combination.models.some((model) => model.name === name));
  if (unknown !== undefined) {
    const models = combination.models.map(({ name }) => name).join(", ") || "none";
    throw refuse("try.no-such-model", { model: unknown, release: combination.name, models });
  }
  const models = combination.models.filter(({ name }) => wanted?.includes(name) ?? true);
  return { combination: { ...combination, models }, config };
}

/** What the state begins with: rows are copied where they stay on this machine anyway, or where that is asked for. */
async function stateOf(
  { state, models }: RunnableCombination,
  options: TryOptions,
  progress: Progress,
): Promise<TrialState> {
  if (!wantsRows(options) || !state || !models.some((model) => model.state)) return "empty";
  return copyOfState(state, options, progress);
}

/** A model of the trial as it is shown, and as `--json` has it. */
interface AnsweringModel extends Pick<TriedModel, "name" | "image" | "startedInMs">, AskedAt {}

function answeringModels(
  { models }: RunnableCombination,
  trial: Trial,
  gateway: TrialGateway,
): Promise<AnsweringModel[]> {
  return Promise.all(
    trial.models.map(async ({ name, image, startedInMs }, index) => {
      const content = models[index]?.content;
      const truss = content && "image" in content ? content.builtFrom : content;
      return { name, image, startedInMs, ...(await askedAt(gateway.urlOf(name), truss?.folder ?? "")) };
    }),
  );
}

function asText(release: string, models: readonly AnsweringModel[], { for: { text } }: TryOptions): string {
  const rows = models.map((model) => [model.name, shownAddress(model)]);
  return [`${release} is up beside the live one, for ${text} or until Ctrl-C:`, columns(rows)].join("\n");
}

/** Resolves at Ctrl-C, which is how a trial is meant to end; rejects where it ended by itself. */
async function ended(trial: Trial, signal: AbortSignal): Promise<void> {
  await Promise.race([
    trial.ended(),
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
  ]);
  console.error("removing the trial");
}

/** Runs a command with the addresses of the models; answers its exit code. It is ended where the trial ends by itself. */
async function runFor(
  trial: Trial,
  { url, models }: { readonly url: string; readonly models: readonly AnsweringModel[] },
  [program = "", ...args]: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const urls = models.flatMap(({ name, url: predicts, chatUrl }) => [
    [`${variableOf(name)}_URL`, predicts],
    ...(chatUrl === null ? [] : [[`${variableOf(name)}_CHAT_URL`, chatUrl]]),
  ]);
  const env = { ...process.env, ...Object.fromEntries(urls), MENAGERIE_TRY_URL: url };
  const child = spawn(program, args, { env, stdio: "inherit" });
  signal.addEventListener("abort", () => child.kill("SIGINT"));
  const exited = new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(refuse("try.command", { program, reason: error.message }, error)));
    child.once("exit", (code, killedBy) => resolve(code ?? (killedBy === "SIGINT" ? 130 : 1)));
  });
  const over = trial.ended().then(() => exited);
  over.catch(() => child.kill("SIGTERM"));
  return Promise.race([exited, over]);
}
