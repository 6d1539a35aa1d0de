import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Client } from "pg";
import { recordAudit } from "../../adapters/postgres/audit.ts";
import { encrypterFor } from "../../adapters/samples/encryption.ts";
import {
  type SearchedRequest,
  type SearchedSample,
  searchSample,
  withoutRequests,
} from "../../adapters/samples/forget.ts";
import type { SamplePlace } from "../../adapters/samples/place.ts";
import { OperatorError } from "../../domain/errors.ts";
import { folderOf } from "../../domain/samples/folder.ts";
import { recipientsOf, type SampleAudit } from "../../domain/samples/history.ts";
import { operatorName } from "../operatorDatabase.ts";
import type { RecordingSides } from "../recordingSides.ts";
import { sampleBucket, samplePlace, samplePlacesIn } from "../samples/places.ts";
import type { ChosenRequests, Wanted } from "./chosenRequests.ts";

/** Samples of a recording, as far as they could be searched. */
export interface FoundSamples {
  readonly searched: readonly SearchedSample[];
  /** Those that may hold what is to be forgotten, and why nobody knows. */
  readonly unsearched: readonly { readonly place: string; readonly problem: string }[];
}

/** Where samples are looked for, and what opens and closes them. */
export interface SampleOptions {
  /** Files, folders and urls; those that nobody has to name are searched as well. */
  readonly given: readonly string[];
  readonly identities: readonly string[];
  /** For samples that another environment exported. */
  readonly recipients: readonly string[];
}

/** Searches all samples of a recording that are given, beside the stack's file, in the bucket of samples, or where they were exported to. */
export async function findSamples(
  recorded: string,
  { sides }: RecordingSides,
  wanted: Wanted,
  audit: readonly SampleAudit[],
  { given, identities, recipients }: SampleOptions,
): Promise<FoundSamples> {
  const schemas = new Set(sides.map(({ schema }) => schema));
  const searched: SearchedSample[] = [];
  const unsearched: { place: string; problem: string }[] = [];
  const exported = await exportedPlaces(audit);
  unsearched.push(...exported.unsearched);
  const places = [...(await placesOf(recorded, given)), ...exported.places];
  for (const place of new Map(places.map((each) => [each.name, each])).values()) {
    const found = await searchSample(place, identities, "value" in wanted ? wanted.value : undefined);
    if (!("header" in found)) {
      if (found.problem !== undefined) unsearched.push({ place: place.name, problem: found.problem });
      continue;
    }
    const { source } = found.header;
    if (source.name !== recorded && !schemas.has(source.schema)) continue;
    if (found.isEncrypted && recipients.length === 0 && !recipientsOf(audit, found.header)) {
      const problem = `${place.name} was not exported from here, so its recipients are not known; add --recipient for each of them`;
      unsearched.push({ place: place.name, problem });
    } else searched.push(found);
  }
  return { searched, unsearched };
}

async function placesOf(recorded: string, given: readonly string[]): Promise<readonly SamplePlace[]> {
  const bucket = sampleBucket();
  const folder = join(resolve("samples"), folderOf(recorded));
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  const all = [
    ...given.map((each) => (each.startsWith("s3:") ? each : resolve(each))),
    ...(isThere ? [folder] : []),
    ...(bucket === undefined ? [] : [`${bucket}${folderOf(recorded)}/`]),
  ];
  return (await Promise.all(all.map(samplePlacesIn))).flat();
}

/** Where samples were exported to, as far as they are there: a path may be of another machine, and a sample may have been moved. */
async function exportedPlaces(
  audit: readonly SampleAudit[],
): Promise<{ readonly places: readonly SamplePlace[]; readonly unsearched: FoundSamples["unsearched"] }> {
  const places: SamplePlace[] = [];
  const unsearched: { place: string; problem: string }[] = [];
  const named = audit.flatMap(({ details: { digest, place } }) =>
    digest === null || place === undefined ? [] : [place],
  );
  for (const name of new Set(named)) {
    try {
      const place = samplePlace(name);
      if (await place.isThere()) places.push(place);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      unsearched.push({ place: name, problem: error.message });
    }
  }
  return { places, unsearched };
}

/** Whether a request of a sample is one of these; a day before and after counts, as it does in the tables. */
export function isChosen({ ids, days }: ChosenRequests): (request: SearchedRequest) => boolean {
  const near = days && new Set([...days].flatMap((day) => [-1, 0, 1].map((more) => dayAfter(day, more))));
  return ({ id, day, holds }) => holds || (ids.has(id) && (near === undefined || near.has(day)));
}

function dayAfter(day: string, more: number): string {
  return new Date(Date.parse(day) + more * 86_400_000).toISOString().slice(0, 10);
}

/** Writes a sample again without some requests, or deletes it where none is left; the audit has it before. Answers how many went. */
export async function forgetInSample(
  client: Client,
  sample: SearchedSample,
  isForgotten: (request: SearchedRequest) => boolean,
  audit: readonly SampleAudit[],
  { identities, recipients: given, signal }: SampleOptions & { readonly signal: AbortSignal },
): Promise<number> {
  const { place, header: before, isEncrypted, requests } = sample;
  const count = requests.filter(isForgotten).length;
  const left = await withoutRequests(sample, identities, isForgotten);
  const recipients = isEncrypted ? (recipientsOf(audit, before) ?? given) : [];
  const content = left && (isEncrypted ? await encrypterFor(recipients)(left.plain) : left.plain);
  await recordAudit(client, {
    what: "sample.forget",
    who: operatorName(),
    details: {
      name: before.source.name,
      schema: before.source.schema,
      place: place.name,
      was: before.digest,
      digest: left?.header.digest ?? null,
      expiresAt: before.expiresAt,
      requests: count,
      recipients,
    },
  });
  if (content === undefined) await place.remove();
  else {
    await place.write(content, { isForced: true, signal });
    await place.removeFormer();
  }
  return count;
}
