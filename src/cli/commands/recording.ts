import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { recordAudit, sampleAudit } from "../../adapters/postgres/audit.ts";
import { countRequests, deleteRequests } from "../../adapters/postgres/predictions/forget.ts";
import { readIdentities } from "../../adapters/samples/encryption.ts";
import { counted } from "../../domain/counted.ts";
import { type ExportedSample, unseenExports } from "../../domain/samples/history.ts";
import { interruptible } from "../interrupt.ts";
import { asOperator, operatorName } from "../operatorDatabase.ts";
import { environmentOption, jsonOption, knownEnvironment } from "../options.ts";
import { chosenRequests, storedAsOf, wantedRequests } from "../recording/chosenRequests.ts";
import { findSamples, forgetInSample, isChosen, type SampleOptions } from "../recording/samples.ts";
import { recordingSides } from "../recordingSides.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { refuse } from "./refusals.ts";

interface ForgetOptions {
  readonly environment: string;
  readonly json: boolean;
  readonly request?: string;
  readonly where?: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly sample: readonly string[];
  readonly identity?: string;
  readonly recipient: readonly string[];
}

export function recordingCommand(): Command {
  const recording = new Command("recording");
  recording
    .command("forget")
    .description("Delete recorded requests and their answers, on every side of a shadow deployment and in samples.")
    .argument("<recorded>", "a zoo model that is recorded, or a shadow deployment")
    .option("--request <id>", "the request with this id, whenever it came")
    .option(
      "--where <path=value>",
      "requests with this value at this place, of the request or the answer, or with its pseudonym",
    )
    .option(
      "--sample <place...>",
      "files, folders or s3://<bucket>/<key> of samples to search too (always searched: samples/<recorded>, the bucket of MENAGERIE_SAMPLES, and where samples were exported to)",
      [],
    )
    .option("--identity <file>", "secret keys of age, for samples that are encrypted")
    .option(
      "--recipient <key...>",
      "public keys of age, for encrypted samples that were not exported from this environment",
      [],
    )
    .option("--dry-run", "count them only", false)
    .option("--yes", "delete without asking", false)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action((recorded: string, options: ForgetOptions) =>
      interruptible("what was deleted stays deleted; run it again for the rest", (signal) =>
        forget(recorded, options, signal),
      ),
    );
  return recording;
}

async function forget(recorded: string, options: ForgetOptions, signal: AbortSignal): Promise<void> {
  const { layout, target } = await knownEnvironment(options.environment);
  const sides = await recordingSides(layout, recorded);
  const wanted = wantedRequests(options, await storedAsOf(sides, target.kubeconfig));
  const ofSamples: SampleOptions = {
    given: options.sample,
    identities: options.identity === undefined ? [] : await readIdentities(options.identity),
    recipients: options.recipient,
  };
  await asOperator(options.environment, async (client) => {
    const audit = await sampleAudit(
      client,
      sides.sides.map(({ schema }) => schema),
    );
    const { searched, unsearched } = await findSamples(recorded, sides, wanted, audit, ofSamples);
    const chosen = await chosenRequests(client, sides, wanted);
    // A sample is one side more: what is found in it is forgotten on all of them.
    for (const { id, day } of searched.flatMap(({ requests }) => requests.filter(({ holds }) => holds))) {
      chosen.ids.add(id);
      chosen.days?.add(day);
    }
    const isForgotten = isChosen(chosen);
    const counts: { schema: string; requests: number }[] = [];
    for (const { schema } of sides.sides) {
      counts.push({ schema, requests: await countRequests(client, schema, chosen.ids, chosen.days) });
    }
    const samples = searched
      .map((sample) => ({ sample, requests: sample.requests.filter(isForgotten).length }))
      .filter(({ requests }) => requests > 0);
    const found = [...counts, ...samples].reduce((sum, { requests }) => sum + requests, 0);
    const told: Told = {
      recorded,
      sides: counts,
      samples: samples.map(({ sample, requests }) => ({ place: sample.place.name, requests })),
      searched: searched.length,
      unsearched,
      exports: unseenExports(
        audit,
        searched.map(({ header }) => header),
        new Date(),
      ).filter(({ place }) => !unsearched.some((each) => each.place === place)),
      unread: chosen.unread,
      deleted: 0,
    };
    if (!options.json) console.error(described(told));
    if (found === 0 || options.dryRun) return tell(options, told);
    if (!options.yes && !(await isAgreed(found, signal))) throw refuse("recording.not-agreed", { found });
    // Before the first deletion: one that is interrupted is in the audit too. Never the value that was looked for, nor one in an id.
    const by = "value" in wanted ? { where: options.where?.split("=")[0] } : { request: wanted.stored };
    await recordAudit(client, {
      what: "recording.forget",
      who: operatorName(),
      details: { recorded, ...by, sides: counts, samples: told.samples },
    });
    const task = terminalProgress().begin("forget");
    let deleted = 0;
    for (const { schema } of sides.sides) {
      signal.throwIfAborted();
      const before = deleted;
      deleted += await deleteRequests(client, schema, {
        ids: chosen.ids,
        days: chosen.days,
        onProgress: (so) => task.update(`${before + so} of ${found}`),
      });
    }
    for (const { sample } of samples) {
      signal.throwIfAborted();
      deleted += await forgetInSample(client, sample, isForgotten, audit, { ...ofSamples, signal });
      task.update(`${deleted} of ${found}`);
    }
    task.done(`${counted(deleted, "request")}, with ${deleted === 1 ? "its answer" : "their answers"}`);
    tell(options, { ...told, deleted });
  });
}

async function isAgreed(found: number, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`Delete these ${found}? [y/N] `, { signal })).trim());
  } finally {
    terminal.close();
  }
}

interface Told {
  readonly recorded: string;
  readonly sides: readonly { readonly schema: string; readonly requests: number }[];
  /** Those that hold requests to forget. */
  readonly samples: readonly { readonly place: string; readonly requests: number }[];
  /** Samples that were searched. */
  readonly searched: number;
  readonly unsearched: readonly { readonly place: string; readonly problem: string }[];
  /** Exports that have not expired and are not among the samples that were searched. */
  readonly exports: readonly ExportedSample[];
  readonly unread: number;
  readonly deleted: number;
}

function described({ recorded, sides, samples, searched, unsearched, exports, unread }: Told): string {
  const lines = [
    ...sides.map(({ schema, requests }) => ({ name: schema, requests })),
    ...samples.map(({ place, requests }) => ({ name: place, requests })),
  ].map(({ name, requests }) => `  ${name}: ${counted(requests, "request")}`);
  const clean = searched - samples.length;
  return [
    `${recorded}:`,
    ...lines,
    ...(clean === 0 ? [] : [`  ${counted(clean, "other sample")} of it: none`]),
    ...(unread === 0
      ? []
      : [`  ${counted(unread, "body", "bodies")} could not be read; the value as it stands is not in them`]),
    ...unsearched.map(({ problem }) => `  not searched: ${problem}`),
    ...(exports.length === 0
      ? []
      : ["  not found, so not searched (name them with --sample, or delete them yourself):"]),
    ...exports.map(
      ({ digest, exportedAt, exportedBy, expiresAt, place = "a place that is not known" }) =>
        `    ${digest.slice(0, 19)}… exported ${exportedAt.toISOString()} by ${exportedBy} to ${place}, expires ${expiresAt}`,
    ),
  ].join("\n");
}

function tell({ json, dryRun }: ForgetOptions, told: Told): void {
  if (json) console.log(JSON.stringify(told));
  else if (!dryRun) console.log(told.deleted === 0 ? "nothing to delete" : `deleted ${told.deleted}`);
  const { unsearched } = told;
  if (unsearched.length === 0) return;
  const places = unsearched.map(({ place }) => place).join(", ");
  throw refuse("recording.samples-left", { count: counted(unsearched.length, "sample"), places });
}
