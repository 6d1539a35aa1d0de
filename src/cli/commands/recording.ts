import { createHmac } from "node:crypto";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import type { Client } from "pg";
import { kubeConfigOf } from "../../adapters/kubernetes/kubeConfigFile.ts";
import { readSecretValue } from "../../adapters/kubernetes/secretKeys.ts";
import { recordAudit } from "../../adapters/postgres/audit.ts";
import { countRequests, deleteRequests, requestsWith } from "../../adapters/postgres/predictions/forget.ts";
import { counted } from "../../domain/counted.ts";
import { wantedValue } from "../../domain/redaction/forgotten.ts";
import { Pseudonyms } from "../../domain/redaction/pseudonyms.ts";
import { Redactor } from "../../domain/redaction/redactor.ts";
import { parseFieldPath } from "../../domain/shadow/fieldPath.ts";
import { interruptible } from "../interrupt.ts";
import { asOperator, operatorName } from "../operatorDatabase.ts";
import { environmentOption, jsonOption, knownEnvironment } from "../options.ts";
import { type RecordingSides, recordingSides } from "../recordingSides.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { refuse } from "./refusals.ts";

interface ForgetOptions {
  readonly environment: string;
  readonly json: boolean;
  readonly request?: string;
  readonly where?: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

export function recordingCommand(): Command {
  const recording = new Command("recording");
  recording
    .command("forget")
    .description("Delete recorded requests and their answers, on every side of a shadow deployment.")
    .argument("<recorded>", "a zoo model that is recorded, or a shadow deployment")
    .option("--request <id>", "the request with this id, whenever it came")
    .option(
      "--where <path=value>",
      "requests with this value at this place, of the request or the answer, or with its pseudonym",
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
  const pseudonyms = await pseudonymsOf(sides, target.kubeconfig);
  await asOperator(options.environment, async (client) => {
    const { ids, days, unread } = await chosenRequests(client, sides, options, pseudonyms);
    const counts: { schema: string; requests: number }[] = [];
    for (const { schema } of sides.sides)
      counts.push({ schema, requests: await countRequests(client, schema, ids, days) });
    const found = counts.reduce((sum, { requests }) => sum + requests, 0);
    const told = { recorded, sides: counts, unread, deleted: 0 };
    if (!options.json) console.error(described(told));
    if (found === 0 || options.dryRun) return tell(options, told);
    if (!options.yes && !(await isAgreed(found, signal))) throw refuse("recording.not-agreed", { found });
    // Before the first deletion: one that is interrupted is in the audit too. Never the value that was looked for.
    const by = options.request === undefined ? { where: options.where?.split("=")[0] } : { request: [...ids] };
    await recordAudit(client, {
      what: "recording.forget",
      who: operatorName(),
      details: { recorded, ...by, sides: counts },
    });
    const task = terminalProgress().begin("forget");
    let deleted = 0;
    for (const { schema } of sides.sides) {
      signal.throwIfAborted();
      const before = deleted;
      deleted += await deleteRequests(client, schema, {
        ids,
        days,
        onProgress: (so) => task.update(`${before + so} of ${found}`),
      });
    }
    task.done(`${counted(deleted, "row")}, with ${deleted === 1 ? "its answer" : "their answers"}`);
    tell(options, { ...told, deleted });
  });
}

/** Found on any side, a request is forgotten on all of them. */
async function chosenRequests(
  client: Client,
  { sides, redact }: RecordingSides,
  { request, where }: ForgetOptions,
  pseudonyms: Pseudonyms | undefined,
): Promise<{ ids: ReadonlySet<string>; days?: ReadonlySet<string>; unread: number }> {
  if ((request === undefined) === (where === undefined)) throw refuse("recording.which");
  if (request !== undefined) {
    // As it came, and as recorders that redact store it.
    const stored = pseudonyms ? new Redactor(redact, pseudonyms).text(request) : request;
    return { ids: new Set([request, stored]), unread: 0 };
  }
  const at = where?.indexOf("=") ?? -1;
  const path = at < 1 ? undefined : parseFieldPath(where?.slice(0, at) ?? "");
  if (!path) throw refuse("recording.bad-where", { where: where?.slice(0, Math.max(at, 0)) ?? "" });
  const wanted = wantedValue(path, where?.slice(at + 1) ?? "", pseudonyms);
  const [ids, days] = [new Set<string>(), new Set<string>()];
  let unread = 0;
  for (const { schema } of sides) {
    const found = await requestsWith(client, schema, wanted);
    for (const id of found.ids) ids.add(id);
    for (const day of found.days) days.add(day);
    unread += found.unread;
  }
  return { ids, days, unread };
}

/** By the key that the recorders have; undefined where none of what is recorded was ever redacted under one. */
async function pseudonymsOf(
  { sides, namespace, redact }: RecordingSides,
  kubeconfig: string,
): Promise<Pseudonyms | undefined> {
  const [first] = sides;
  const secret = first?.secret ?? "";
  const key = await readSecretValue(kubeConfigOf(kubeconfig), namespace, secret, "pseudonyms");
  if (key !== undefined) return new Pseudonyms((text) => createHmac("sha256", key).update(text).digest());
  if (redact.length > 0) throw refuse("recording.no-key", { namespace, secret });
  return undefined;
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
  readonly unread: number;
  readonly deleted: number;
}

function described({ recorded, sides, unread }: Told): string {
  const lines = sides.map(
    ({ schema, requests }) => `  ${schema}: ${requests} ${requests === 1 ? "request" : "requests"}`,
  );
  const unknown = unread === 0 ? [] : [`  ${unread} bodies could not be read, and do not hold the value as it stands`];
  return [`${recorded}:`, ...lines, ...unknown].join("\n");
}

function tell({ json, dryRun }: ForgetOptions, told: Told): void {
  if (json) console.log(JSON.stringify(told));
  else if (!dryRun) console.log(told.deleted === 0 ? "nothing to delete" : `deleted ${told.deleted}`);
}
