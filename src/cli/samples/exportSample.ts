import type { Client } from "pg";
import { recordAudit } from "../../adapters/postgres/audit.ts";
import { organizationIdOf } from "../../adapters/postgres/models.ts";
import { readSampled } from "../../adapters/postgres/predictions/sampledRequests.ts";
import { encrypterFor } from "../../adapters/samples/encryption.ts";
import { requireFree } from "../../adapters/samples/filePlace.ts";
import type { SamplePlace } from "../../adapters/samples/place.ts";
import { scanProblems } from "../../adapters/samples/readSample.ts";
import { scannedOf } from "../../adapters/samples/scanned.ts";
import type { Progress } from "../../domain/progress.ts";
import { refused } from "../../domain/refusals/refusal.ts";
import { mostBytes, type SampleHeader } from "../../domain/samples/format.ts";
import { SampleScan, totalOf } from "../../domain/samples/scan.ts";
import type { SampleStratum } from "../../domain/samples/strata.ts";
import { headerLine, requestLine } from "../../domain/samples/write.ts";
import { refuse } from "../commands/refusals.ts";
import { operatorName } from "../operatorDatabase.ts";
import { type ChosenRequests, chooseRequests } from "./chooseRequests.ts";
import { requireExportKey } from "./exportKey.ts";
import { organizationOf, type Whose } from "./whoseRequests.ts";

export interface SampleExport {
  readonly environment: string;
  readonly source: Pick<SampleHeader["source"], "name" | "kind" | "schema">;
  readonly rules: SampleHeader["redaction"]["rules"];
  readonly since: Date;
  readonly until: Date;
  readonly requests: number;
  readonly stratify: readonly SampleStratum[];
  readonly days: number;
  readonly whose: Whose;
  /** Why requests leave as users sent them; undefined for redacted ones. */
  readonly because: string | undefined;
  readonly recipients: readonly string[];
  readonly out: SamplePlace;
  readonly isForced: boolean;
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Exports a sample: the right is looked at first, and the audit has it before there is a file. */
export async function exportSample(
  client: Client,
  wanted: SampleExport,
): Promise<{ readonly header: SampleHeader; readonly leftOut: ChosenRequests["leftOut"] }> {
  const { source, because, recipients, out, isForced, signal } = wanted;
  const encrypt = recipients.length > 0 ? encrypterFor(recipients) : undefined;
  await requireFree(out, isForced);
  const key = await requireExportKey(client, source);
  const chosen = await choose(client, wanted);
  const organization = await organizationOf(client, { ...wanted, name: source.name }, chosen.organizations);
  const { lines, versions, scan } = await read(client, wanted, chosen);
  const problems = scanProblems(source.name, scan, because === undefined);
  if (problems.length > 0) throw refused(problems);
  const { header, line } = headerLine(
    aboutOf(wanted, { chosen, organization, versions, addresses: totalOf(scan.addresses) }, key.prefix),
    lines,
  );
  const plain = Buffer.concat([line, ...lines]);
  const content = encrypt ? await encrypt(plain) : plain;
  signal.throwIfAborted();
  const { count, digest, expiresAt } = header;
  await recordAudit(client, {
    what: "sample.export",
    who: operatorName(),
    details: {
      ...source,
      organization,
      key: key.prefix,
      place: out.name,
      since: header.source.since,
      until: header.source.until,
      count,
      digest,
      expiresAt,
      recipients,
      unredacted: header.redaction.unredacted,
    },
  });
  await out.write(content, { isForced, signal });
  return { header, leftOut: chosen.leftOut };
}

async function choose(client: Client, wanted: SampleExport): Promise<ChosenRequests> {
  const { source, since, until, because, progress, whose } = wanted;
  const organizationId = typeof whose === "object" ? await organizationIdOf(client, whose.organization) : undefined;
  const task = progress.begin("choose");
  const startedAt = performance.now();
  try {
    const chosen = await chooseRequests(client, {
      ...wanted,
      schema: source.schema,
      redacted: because === undefined,
      organizationId,
      onSeen: (seen) => task.update(`${seen} requests seen, ${rateOf(seen, startedAt)} per second`),
    });
    const { keys, strata, leftOut } = chosen;
    if (keys.length === 0) throw nothing(wanted, leftOut);
    const recorded = strata.reduce((sum, each) => sum + each.recorded, 0);
    task.done(`${keys.length} of ${recorded} requests`);
    return chosen;
  } catch (error) {
    task.failed();
    throw error;
  }

  function nothing({ rules }: SampleExport, { otherwise, truncated, bodiless, elsewhere }: ChosenRequests["leftOut"]) {
    const { name } = source;
    const isPlain = rules.length === 0 && source.kind !== "schema" && elsewhere === 0;
    if (because === undefined && (otherwise > 0 || isPlain)) {
      const found = otherwise === 0 ? "no rule of redaction" : `${otherwise} requests as users sent them`;
      return refuse("sample.not-redacted", { name, found, since: since.toISOString() });
    }
    const parts = [
      ...(elsewhere > 0 ? [`${elsewhere} of others`] : []),
      ...(otherwise > 0 ? [`${otherwise} redacted`] : []),
      ...(truncated > 0 ? [`${truncated} not kept whole`] : []),
      ...(bodiless > 0 ? [`${bodiless} without a body that was kept`] : []),
    ];
    const leftOut = parts.length === 0 ? "" : ` (left out: ${parts.join(", ")})`;
    return refuse("sample.nothing-recorded", { name, since: since.toISOString(), until: until.toISOString(), leftOut });
  }
}

async function read(client: Client, { source, signal, progress, requests }: SampleExport, { keys }: ChosenRequests) {
  const task = progress.begin("read");
  const startedAt = performance.now();
  const scan = new SampleScan();
  const [found, versions] = [[] as { at: string; id: string; line: Uint8Array }[], new Set<string>()];
  let bytes = 0;
  try {
    for await (const { request, version } of readSampled(client, source.schema, keys)) {
      signal.throwIfAborted();
      scan.add(scannedOf(request));
      const line = requestLine(request);
      bytes += line.length;
      if (bytes > mostBytes) throw refuse("sample.too-large", { requests, most: mostBytes / 1024 ** 2 });
      found.push({ at: request.at, id: request.id, line });
      if (version !== null) versions.add(version);
      task.update(`${found.length} of ${keys.length}, ${rateOf(found.length, startedAt)} per second`);
    }
    task.done(`${found.length} requests, ${(bytes / 1024).toFixed(0)} KiB`);
  } catch (error) {
    task.failed();
    throw error;
  }
  // In the order of time, in which a replay at the recording's pace wants them.
  const sorted = found.toSorted((a, b) => (a.at === b.at ? (a.id < b.id ? -1 : 1) : a.at < b.at ? -1 : 1));
  return { lines: sorted.map(({ line }) => line), versions: [...versions].sort(), scan };
}

function aboutOf(
  { environment, source, since, until, rules, because, stratify, days, now }: SampleExport,
  {
    chosen,
    organization,
    versions,
    addresses,
  }: { chosen: ChosenRequests; organization: string | null; versions: string[]; addresses: number },
  key: string,
): Parameters<typeof headerLine>[0] {
  const range = { since: since.toISOString(), until: until.toISOString() };
  return {
    source: { environment, ...source, versions, ...range, organization },
    redaction: { rules, unredacted: because === undefined ? null : { because } },
    by: { who: operatorName(), key },
    stratify: [...stratify],
    strata: [...chosen.strata],
    addresses,
    createdAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + days * 86_400_000).toISOString(),
  };
}

function rateOf(count: number, startedAt: number): string {
  return (count / ((performance.now() - startedAt) / 1000)).toFixed(0);
}
