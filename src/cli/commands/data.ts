import { resolve } from "node:path";
import { Command } from "commander";
import { readStateFiles } from "../../adapters/files/stateFiles.ts";
import { dumpState, restoreState } from "../../adapters/postgres/releaseState/dump.ts";
import { readReleases } from "../../adapters/postgres/releaseState/journal.ts";
import { readPipelines } from "../../adapters/postgres/releaseState/pipelines.ts";
import { withClient } from "../../adapters/postgres/server.ts";
import { loadSource } from "../../adapters/postgres/sourceData.ts";
import { schemaRefusals } from "../../config/sentences.ts";
import { source } from "../../config/state.ts";
import { platformDatabase } from "../../domain/platformDatabase.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import { localStack, projectFolder } from "../../local/localStack.ts";
import { interruptible } from "../interrupt.ts";
import { operatorServer } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { readStackFile } from "../releases/stackFile.ts";
import { columns } from "../table.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { refuse } from "./refusals.ts";

interface DataOptions {
  readonly environment: string;
  readonly json: boolean;
}

export function dataCommand(): Command {
  const data = new Command("data");
  data
    .command("load")
    .description("Make the tables of the source data and load CSV files into them, each named <table>.csv.")
    .option(
      "--schemas <folder>",
      "folder of the .sql files that declare the tables; default: menagerie:state.source.schemas",
    )
    .option(
      "--from <path>",
      "a .csv file, or a folder of them; they replace the rows that are there; default: menagerie:state.source.data",
    )
    .option("-s, --stack <name>", "the stack whose file says them", localStack)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: DataOptions & { schemas?: string; from?: string; stack: string }) => {
      const { schemas, from } = await sourceOf(options);
      const files = await readStateFiles(schemas, options.schemas ? "--schemas" : "menagerie:state.source.schemas");
      const server = await operatorServer(options.environment);
      const rows = await loadSource(server, { files, from, progress: terminalProgress() });
      print(options, rows);
    });
  data
    .command("list")
    .description("List the states that are in the database, the current one last.")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: DataOptions) => {
      const [releases, pipelines] = await withClient(
        await operatorServer(options.environment),
        platformDatabase,
        async (client) => [await readReleases(client), await readPipelines(client)] as const,
      );
      const shown = releases.map(({ tag, schema, seededFrom, ready, retired }) => ({
        tag,
        schema,
        seededFrom,
        ready,
        retired,
        pipelines: pipelines
          .filter((each) => each.schema === schema)
          .map(({ name, finishedAt, image }) => ({ name, finishedAt, image })),
      }));
      if (options.json) return console.log(JSON.stringify(shown, null, 2));
      const rows = shown.map((each) => [
        ...[each.tag, each.schema, each.seededFrom ?? ""],
        each.retired ? "given up" : each.ready ? "ready" : "unfinished",
        each.pipelines.map(({ name, finishedAt }) => (finishedAt ? name : `${name} (not done)`)).join(", "),
      ]);
      console.log(columns([["RELEASE", "SCHEMA", "SEEDED FROM", "STATE", "BUILT BY"], ...rows]));
    });
  data
    .command("dump")
    .description("Write the state of a release to <folder>/<schema>.")
    .argument("<tag>", "the release")
    .argument("<folder>", "where to")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action((tag: string, folder: string, options: DataOptions) =>
      interruptible("run the same command again, which starts over", async (signal) => {
        const server = await operatorServer(options.environment);
        const releases = await withClient(server, platformDatabase, readReleases);
        const release = releases.find((each) => each.tag === tag && each.ready);
        if (!release) {
          const known = releases.filter(({ ready }) => ready).map((each) => each.tag);
          throw refuse("data.no-state", { tag, known: known.join(", ") || "none" });
        }
        const path = await dumpState(server, release, resolve(folder), { progress: terminalProgress(), signal });
        print(options, { tag, folder: path });
      }),
    );
  data
    .command("restore")
    .description("Make the state of a dump again; then set menagerie:state.release to its tag and run `up`.")
    .argument("<folder>", "folder of the dump, with its manifest.json")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action((folder: string, options: DataOptions) =>
      interruptible("run the same command again; nothing was changed", async (signal) => {
        const server = await operatorServer(options.environment);
        print(options, await restoreState(server, folder, { progress: terminalProgress(), signal }));
      }),
    );
  return data;
}

/** What is loaded: what the options say, else what the stack's config does, whose paths are relative to the project. */
async function sourceOf(options: {
  readonly schemas?: string;
  readonly from?: string;
  readonly stack: string;
  readonly environment: string;
}): Promise<{ readonly schemas: string; readonly from: string | undefined }> {
  if (options.schemas !== undefined) return { schemas: options.schemas, from: options.from };
  const { effective, path } = await readStackFile(options.stack, options.environment);
  const declared = (effective.state as { source?: unknown } | undefined)?.source;
  if (declared === undefined) {
    throw refuse("data.no-schemas", { path });
  }
  const parsed = source.safeParse(declared, { reportInput: true });
  if (!parsed.success) throw refused(schemaRefusals(parsed.error.issues, ["state", "source"]));
  const inProject = (folder: string) => resolve(projectFolder, folder);
  const data = parsed.data.data === undefined ? undefined : inProject(parsed.data.data);
  return { schemas: inProject(parsed.data.schemas), from: options.from ?? data };
}

function print({ json }: DataOptions, found: object): void {
  if (json) {
    console.log(JSON.stringify(found, null, 2));
    return;
  }
  for (const [name, value] of Object.entries(found)) {
    console.log(`${name}  ${typeof value === "object" ? JSON.stringify(value) : value}`);
  }
}
