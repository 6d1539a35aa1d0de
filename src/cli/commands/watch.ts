import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { changeLine, subjects } from "../../domain/development/changeLine.ts";
import { badInput, OperatorError } from "../../domain/errors.ts";
import { short } from "../../domain/patch/chain.ts";
import { projectFolder } from "../../local/engine.ts";
import { recordSentHead } from "../../local/sentHeads.ts";
import { developmentClient } from "../apiAccess.ts";
import { developmentModel, readModels } from "../models.ts";
import { environmentOption, existingEnvironment, jsonOption } from "../options.ts";
import { type WatchEvents, watchTruss } from "../watch/trussWatch.ts";
import { findModel } from "./predict.ts";

interface WatchOptions {
  readonly environment: string;
  readonly hotReload: boolean;
  readonly deploy: boolean;
  readonly json: boolean;
}

export function watchCommand(): Command {
  return new Command("watch")
    .description("Keep a development version at what its truss folder holds: save, and the next prediction is new.")
    .argument("<model>", "name of a development version of the stack")
    .argument("[dir]", "folder to watch; default: the truss that the stack declares")
    .option(
      "--hot-reload",
      "swap changed code into the running process, keeping its state: load() does not run again",
      false,
    )
    .option("--deploy", "deploy in full where patches cannot do it, without asking", false)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(watchModel);
}

async function watchModel(name: string, dir: string | undefined, options: WatchOptions): Promise<void> {
  const { target, engine, layout } = await existingEnvironment(options.environment);
  const model = developmentModel(findModel(await readModels(engine), name));
  const declared = await existingFolder(join(projectFolder, model.truss));
  const folder = dir === undefined ? declared : await existingFolder(dir);
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    console.error("ending once what is saved is in; Ctrl-C again ends at once");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  await watchTruss({
    client: await developmentClient(target),
    versionId: model.versionId,
    folder,
    hot: options.hotReload,
    stop: stop.signal,
    events: {
      ...(options.json ? jsonLines : sentences(name, folder)),
      isHead: async ({ hash }) => {
        if (folder === declared) await recordSentHead(layout, model.versionId, hash);
      },
      needsDeployment: (reasons) => offerDeployment({ name, reasons, options, isDeclared: folder === declared }),
    },
  });
}

async function existingFolder(folder: string): Promise<string> {
  return realpath(folder).catch((error: unknown) => {
    throw badInput(`truss "${folder}": no such folder; give the folder that holds config.yaml`, error);
  });
}

type Told = Omit<WatchEvents, "needsDeployment" | "isHead">;

function sentences(name: string, folder: string): Told {
  return {
    ready: (head) => console.log(`watching ${folder}: ${name} is at ${short(head.hash)}; save to change it`),
    isIn: (change) => console.log(changeLine(change)),
    waiting: (what, because) => console.log(`… ${what}  not in yet: ${because}`),
    wrong: (because) => console.log(`✗ ${because}`),
  };
}

const print = (event: object): void => console.log(JSON.stringify(event));

const jsonLines: Told = {
  ready: ({ hash }) => print({ event: "ready", headHash: hash }),
  isIn: ({ patches, ...change }) => print({ event: "in", changed: subjects(patches), ...change }),
  waiting: (what, because) => print({ event: "waiting", changed: what, because }),
  wrong: (because) => print({ event: "wrong", because }),
};

interface Offer {
  readonly name: string;
  readonly reasons: readonly string[];
  readonly options: WatchOptions;
  /** Whether the watched folder is the one that the stack deploys. */
  readonly isDeclared: boolean;
}

/** Says why patches cannot do it, and deploys in full where the user wants that. Answers whether it did. */
async function offerDeployment({ name, reasons, options, isDeclared }: Offer): Promise<boolean> {
  if (options.json) print({ event: "deploy", reasons });
  else console.log([`✗ ${name} needs a full deployment:`, ...reasons.map((reason) => `    ${reason}`)].join("\n"));
  if (!isDeclared) {
    console.error("the watched folder is not the one that the stack declares; `menagerie up` deploys that one");
    return false;
  }
  if (!options.deploy && !(await isWanted(name))) return false;
  // Made anew, because it knows what was sent from the folder until then.
  const { engine } = await existingEnvironment(options.environment);
  const code = await engine.run(["up", "--yes", "--skip-preview", "--suppress-outputs"]);
  if (code !== 0) throw new OperatorError(`${name} is not deployed: see above`);
  return true;
}

async function isWanted(name: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    console.error("run `menagerie up`, or watch with --deploy");
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`Deploy ${name} in full now? [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
