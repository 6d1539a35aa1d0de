import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import type { Head } from "../../adapters/api/pushTruss.ts";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { brokenCodeLine, brokenCodeReader } from "../../domain/development/brokenCode.ts";
import { changeLine, subjects } from "../../domain/development/changeLine.ts";
import { short } from "../../domain/patch/chain.ts";
import type { Engine } from "../../local/engine.ts";
import type { EnvironmentLayout } from "../../local/layout.ts";
import { projectFolder } from "../../local/localStack.ts";
import { recordSentHead, sentHeads } from "../../local/sentHeads.ts";
import { developmentClient } from "../apiAccess.ts";
import { developmentModel, findModel, readModels } from "../models.ts";
import { environmentOption, existingEnvironment, jsonOption, knownEnvironment } from "../options.ts";
import { agreedUp } from "../up/agreedUp.ts";
import { declaredIn, environmentConfig } from "../up/declaredModels.ts";
import { plainUp } from "../up/engineOperation.ts";
import type { StackEngine } from "../up/stackEngine.ts";
import { objectsOfEnvironment } from "../up/stackObjects.ts";
import type { WatchEvents } from "../watch/events.ts";
import { followModel } from "../watch/modelLog.ts";
import { watchTruss } from "../watch/trussWatch.ts";
import { refuse } from "./refusals.ts";

interface WatchOptions {
  readonly environment: string;
  readonly hotReload: boolean;
  readonly deploy: boolean;
  readonly takeover: boolean;
  readonly logs: boolean;
  readonly json: boolean;
}

export function watchCommand(): Command {
  return new Command("watch")
    .argument("<model>", "name of a development version of the stack")
    .argument("[dir]", "folder to watch; default: the truss that the stack declares")
    .option(
      "--hot-reload",
      "swap changed code into the running process, keeping its state: load() does not run again",
      false,
    )
    .option(
      "--deploy",
      "deploy the model in full if patches are not enough, without asking; nothing else is deployed",
      false,
    )
    .option("--takeover", "replace a head that was not sent from this folder, without asking", false)
    .option("--logs", "print what the model logs", false)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(watchModel);
}

async function watchModel(name: string, dir: string | undefined, options: WatchOptions): Promise<void> {
  const { target, layout } = await knownEnvironment(options.environment);
  const model = developmentModel(findModel(await readModels(layout), name));
  const declared = await existingFolder(join(projectFolder, model.truss));
  const folder = dir === undefined ? declared : await existingFolder(dir);
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    console.error("ending once what is saved is in; Ctrl-C again ends at once");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  const tells = options.json ? jsonLines : sentences(name, folder);
  const log = modelLog(tells, options);
  const over = new AbortController();
  const { kubeconfig } = target;
  const following = followModel(
    { kubeconfig, namespace: model.namespace, service: model.service },
    log.onLine,
    over.signal,
  );
  try {
    await watchTruss({
      client: await developmentClient(target),
      versionId: model.versionId,
      folder,
      hot: options.hotReload,
      stop: stop.signal,
      events: {
        ...tells,
        sending: (patches) => {
          log.expect(true);
          tells.sending(patches);
        },
        isIn: (change) => {
          log.expect(false);
          tells.isIn(change);
        },
        isHead: async ({ hash }) => {
          if (folder === declared) await recordSentHead(layout, model.versionId, hash);
        },
        mayReplace: (head) =>
          mayReplace({ name, head, declaredHash: model.hash, layout, versionId: model.versionId, options }),
        needsDeployment: (reasons, later) =>
          offerDeployment({ name, reasons, options, isDeclared: folder === declared, later }),
      },
    });
  } finally {
    over.abort();
    await following;
  }
}

/** Tells of exceptions while what was saved is on its way, and of all that the model logs where that is wanted. */
function modelLog(tells: Told, { logs }: WatchOptions) {
  const broken = brokenCodeReader();
  let isExpected = false;
  return {
    expect(isOnItsWay: boolean): void {
      isExpected = isOnItsWay;
    },
    onLine(line: string): void {
      if (logs) tells.logged(maskedText(line));
      const found = broken(line);
      if (found && isExpected) tells.broken(brokenCodeLine(found));
    },
  };
}

interface Replacement {
  readonly name: string;
  readonly head: Head;
  /** Content at the last `up`. */
  readonly declaredHash: string;
  readonly layout: EnvironmentLayout;
  readonly versionId: string;
  readonly options: WatchOptions;
}

/** What `up` deployed and what this machine sent may be replaced; somebody else's patches only with a yes. */
async function mayReplace({ name, head, declaredHash, layout, versionId, options }: Replacement): Promise<void> {
  if (options.takeover || head.hash === declaredHash) return;
  if ((await sentHeads(layout)).split(",").includes(`${versionId}=${head.hash}`)) return;
  const about = `${name} runs ${short(head.hash)}, which others sent; the folder would replace it`;
  if (options.json || !process.stdin.isTTY || !process.stderr.isTTY) {
    throw refuse("watch.takeover", { about });
  }
  if (!(await isYes(`${about}. Replace it? [y/N] `))) throw refuse("watch.not-agreed", { about });
}

async function existingFolder(folder: string): Promise<string> {
  return realpath(folder).catch((error: unknown) => {
    throw refuse("truss.no-folder", { folder }, error);
  });
}

interface Told extends Omit<WatchEvents, "needsDeployment" | "isHead" | "mayReplace"> {
  /** An exception of the model's code, while what was saved is on its way. */
  broken(sentence: string): void;
  logged(line: string): void;
}

function sentences(name: string, folder: string): Told {
  return {
    ready: (head) => console.log(`watching ${folder}: ${name} is at ${short(head.hash)}; save to change it`),
    sending: (patches) => console.log(`… ${subjects(patches)}  saved`),
    broken: (sentence) => console.log(`✗ ${sentence}`),
    logged: (line) => console.log(`  ${line}`),
    isIn: (change) => console.log(changeLine(change)),
    waiting: (what, reason) => console.log(`… ${what}  not in yet: ${reason}`),
    wrong: (reason) => console.log(`✗ ${reason}`),
    slow: (reason) => console.error(reason),
  };
}

const print = (event: object): void => console.log(JSON.stringify(event));

const jsonLines: Told = {
  ready: ({ hash }) => print({ event: "ready", headHash: hash }),
  sending: (patches) => print({ event: "sending", changed: subjects(patches) }),
  broken: (because) => print({ event: "broken", because }),
  logged: (line) => print({ event: "log", line }),
  isIn: ({ patches, ...change }) => print({ event: "in", changed: subjects(patches), ...change }),
  waiting: (what, because) => print({ event: "waiting", changed: what, because }),
  wrong: (because) => print({ event: "wrong", because }),
  slow: (because) => print({ event: "slow", because }),
};

interface Offer {
  readonly name: string;
  readonly reasons: readonly string[];
  readonly options: WatchOptions;
  /** Whether the watched folder is the one that the stack deploys. */
  readonly isDeclared: boolean;
  /** Aborts once the folder holds something else. */
  readonly later: AbortSignal;
}

/** Says why patches cannot do it, and deploys in full where the user wants that. Answers whether it did. */
async function offerDeployment({ name, reasons, options, isDeclared, later }: Offer): Promise<boolean> {
  if (options.json) print({ event: "deploy", reasons });
  else console.log([`✗ ${name} needs a full deployment:`, ...reasons.map((reason) => `    ${reason}`)].join("\n"));
  if (!isDeclared) {
    console.error("the watched folder is not the one that the stack declares; `menagerie up` deploys that one");
    return false;
  }
  if (!options.deploy && !(await isWanted(name, options, later))) return false;
  // Made anew, because it knows what was sent from the folder until then.
  const { engine, layout, target } = await existingEnvironment(options.environment);
  const config = await environmentConfig(layout);
  // Whoever watches reads another question at this terminal.
  const agreement = { declared: declaredIn(config), yesDelete: [], mayAsk: false, signal: later };
  const code = await agreedUp(
    deployingAlone(engine, name, options),
    { ...agreement, ...objectsOfEnvironment(target, engine, async () => config) },
    { ...plainUp, endsUnchanged: false },
  );
  if (code !== 0) throw refuse("watch.not-deployed", { name });
  return true;
}

/** The engine for one development version. The events alone go to standard output. */
function deployingAlone(engine: Engine, only: string, { json }: WatchOptions): StackEngine {
  return {
    run: (args) => engine.run(args, { only, stdout: json ? "stderr" : "stdout" }),
    capture: (args, signal) => engine.capture(args, signal, { only }),
    resources: () => engine.resources(),
  };
}

async function isWanted(name: string, { json }: WatchOptions, later: AbortSignal): Promise<boolean> {
  if (json || !process.stdin.isTTY || !process.stderr.isTTY) {
    console.error("run `menagerie up`, or watch with --deploy");
    return false;
  }
  return isYes(`Deploy ${name} in full now? [y/N] `, later);
}

/** Asks in the terminal. A question whose reason has gone goes too. */
async function isYes(question: string, later?: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question, later ? { signal: later } : {})).trim());
  } catch (error) {
    if (later?.aborted) process.stderr.write("\n");
    throw error;
  } finally {
    terminal.close();
  }
}
