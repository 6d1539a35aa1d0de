import { access, mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { Command } from "commander";
import { readIdentities } from "../../adapters/samples/encryption.ts";
import { filePlace, requireFree } from "../../adapters/samples/filePlace.ts";
import { checkSample } from "../../adapters/samples/readSample.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import { folderOf } from "../../domain/samples/folder.ts";
import { defaultDays, mostRequests, type SampleHeader } from "../../domain/samples/format.ts";
import { type SampleStratum, sampleStrata } from "../../domain/samples/strata.ts";
import { environmentLayout } from "../../local/layout.ts";
import { readTarget } from "../../local/target.ts";
import { interruptible } from "../interrupt.ts";
import { wholeNumberArgument } from "../numberArguments.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, jsonOption, repeated } from "../options.ts";
import { findRecording } from "../recordings.ts";
import { exportSample } from "../samples/exportSample.ts";
import { outputPlace, samplePlace } from "../samples/places.ts";
import { columns } from "../table.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { timeArgument, timeHelp } from "../timeArgument.ts";
import { refuse } from "./refusals.ts";

interface ExportOptions {
  readonly environment: string;
  readonly json: boolean;
  readonly requests: number;
  readonly since: string;
  readonly until?: string;
  readonly stratify: readonly SampleStratum[];
  readonly days: number;
  readonly unredacted: boolean;
  readonly because?: string;
  readonly recipient: readonly string[];
  readonly organization?: string;
  readonly allOrganizations: boolean;
  readonly output?: string;
  readonly force: boolean;
}

export function sampleCommand(): Command {
  const sample = new Command("sample");
  sample
    .command("export")
    .description("Export a fair sample of recorded requests, with their answers, to a file or a bucket.")
    .argument(
      "<recorded>",
      "a zoo model that is recorded, a shadow deployment (its primary), or a schema of prediction tables",
    )
    .option(
      "-o, --output <place>",
      "the file, such as iris.sample.jsonl, or s3://<bucket>/<key> (default: a new key in the bucket of MENAGERIE_SAMPLES)",
    )
    .option("--requests <count>", "at most so many", wholeNumberArgument(1, mostRequests), 500)
    .option("--since <when>", `requests since then: ${timeHelp}`, "24h")
    .option("--until <when>", "requests before then (default: now)")
    .option(
      "--stratify <by>",
      `group requests by ${sampleStrata.join(", ")}, and take some of each group`,
      strataArgument,
      [],
    )
    .option("--days <count>", "days until the sample expires", wholeNumberArgument(1, 3_650), defaultDays)
    .option(
      "--unredacted",
      "requests as users sent them, instead of redacted ones; needs --because and --recipient",
      false,
    )
    .option("--because <text>", "the reason, which is kept in the sample and in the audit")
    .option("--recipient <key>", "encrypt for this public key of age, age1…; may be given several times", repeated, [])
    .option("--organization <name>", "only requests of this organization")
    .option("--all-organizations", "requests of every organization, and those of nobody known", false)
    .option("--force", "replace an existing sample", false)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nNeeds a key with the right export in MENAGERIE_API_KEY. A sample is of one organization, unless --all-organizations says otherwise; without\neither option, requests of several organizations or of nobody known are refused.",
    )
    .action((recorded: string, options: ExportOptions) =>
      interruptible("no file was written; run it again", (signal) => exportTo(recorded, options, signal)),
    );
  sample
    .command("check")
    .description("Check a sample: format, digest, count, expiry, keys and addresses.")
    .argument("<place>", "the sample: a file, or s3://<bucket>/<key>")
    .option("--identity <file>", "secret keys of age, for a sample that is encrypted")
    .addOption(jsonOption())
    .action(async (file: string, options: { identity?: string; json: boolean }) => {
      const header = await checked(file, options.identity);
      console.log(options.json ? JSON.stringify(header) : described(header));
    });
  sample
    .command("add")
    .description("Check a sample and keep it beside the stack's file, in samples/<model>/.")
    .argument("<place>", "the sample: a file, or s3://<bucket>/<key>")
    .option("--identity <file>", "secret keys of age, for a sample that is encrypted; it stays encrypted")
    .option("--into <folder>", "folder of samples (default: samples beside Pulumi.yaml, in the folder where this runs)")
    .option("--force", "replace an existing file", false)
    .action((file: string, options: { identity?: string; into?: string; force: boolean }) =>
      interruptible("nothing was added; run it again", (signal) => add(file, options, signal)),
    );
  return sample;
}

async function exportTo(recorded: string, options: ExportOptions, signal: AbortSignal): Promise<void> {
  const { environment, organization, allOrganizations, unredacted, because, recipient } = options;
  const { requests, stratify, days, output, force } = options;
  if (organization !== undefined && allOrganizations) throw refuse("sample.one-or-all", { organization });
  if (unredacted !== (because !== undefined && because.trim() !== "")) throw refuse("sample.no-reason");
  if (unredacted && recipient.length === 0) throw refuse("sample.plain");
  const now = new Date();
  const since = timeArgument("--since", options.since, now);
  const until = options.until === undefined ? now : timeArgument("--until", options.until, now);
  if (until <= since) throw refuse("sample.bad-range", { until: until.toISOString(), since: since.toISOString() });
  const layout = environmentLayout(environment);
  const found = (await readTarget(layout)) ? await findRecording(layout, recorded) : undefined;
  const out = outputPlace(output, recorded, now);
  const { header, leftOut } = await asOperator(environment, (client) =>
    exportSample(client, {
      environment,
      source: { name: recorded, kind: found?.kind ?? "schema", schema: found?.schema ?? recorded },
      rules: [...(found?.settings.redact ?? [])],
      since,
      until,
      requests,
      stratify,
      days,
      now,
      signal,
      whose: allOrganizations ? "all" : organization === undefined ? undefined : { organization },
      because: unredacted ? because : undefined,
      recipients: recipient,
      out,
      isForced: force,
      progress: terminalProgress(),
    }),
  );
  if (options.json) return console.log(JSON.stringify({ file: out.name, header, leftOut }));
  const not = [
    ...(leftOut.elsewhere > 0 ? [`${leftOut.elsewhere} of other organizations or of nobody known`] : []),
    ...(leftOut.otherwise > 0 ? [`${leftOut.otherwise} that are ${unredacted ? "" : "not "}redacted`] : []),
    ...(leftOut.truncated > 0 ? [`${leftOut.truncated} that were not kept whole`] : []),
    ...(leftOut.bodiless > 0 ? [`${leftOut.bodiless} whose body was not kept`] : []),
  ];
  if (output === undefined) console.log(out.name);
  console.log(described(header));
  if (not.length > 0) console.log(`left out: ${not.join(", ")}`);
}

async function checked(file: string, identity: string | undefined): Promise<SampleHeader> {
  const identities = identity === undefined ? [] : await readIdentities(identity);
  const { header, problems } = await checkSample({ place: samplePlace(file), identities }, new Date());
  if (problems.length > 0 || !header) throw refused(problems);
  return header;
}

async function add(
  file: string,
  { identity, into, force }: { identity?: string; into?: string; force: boolean },
  signal: AbortSignal,
): Promise<void> {
  const header = await checked(file, identity);
  const project = process.cwd();
  if (into === undefined) {
    await access(join(project, "Pulumi.yaml")).catch(() => {
      throw refuse("sample.no-project", { folder: project });
    });
  }
  const source = samplePlace(file);
  const place = filePlace(join(resolve(into ?? "samples"), folderOf(header.source.name), source.baseName));
  await requireFree(place, force);
  await mkdir(dirname(place.name), { recursive: true });
  await place.write(await buffer(source.read()), { isForced: force, signal });
  console.log(`${place.name}: ${header.count} requests, until ${header.expiresAt}`);
}

function described({ source, redaction, count, digest, expiresAt, strata, addresses }: SampleHeader): string {
  const { unredacted } = redaction;
  return [
    `${count} requests of ${source.name} (${source.environment}) from ${source.since} to ${source.until}, of ${source.organization === null ? "every organization" : `organization ${source.organization}`}`,
    unredacted === null ? "redacted" : `not redacted, because ${unredacted.because}; addresses of people: ${addresses}`,
    `${digest}, expires ${expiresAt}`,
    columns([
      ["STRATUM", "RECORDED", "CHOSEN"],
      ...strata.map((each) => [each.stratum, String(each.recorded), String(each.chosen)]),
    ]),
  ].join("\n");
}

function strataArgument(text: string): readonly SampleStratum[] {
  const given = text.split(",").map((each) => each.trim());
  const known = sampleStrata.filter((each) => given.includes(each));
  const wrong = given.find((each) => !sampleStrata.some((stratum) => stratum === each));
  if (wrong !== undefined) throw refuse("sample.bad-stratum", { given: wrong, known: sampleStrata.join(", ") });
  return known;
}
