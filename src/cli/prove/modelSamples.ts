import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { RecordedRequest } from "../../adapters/postgres/predictions/recordedRequests.ts";
import { proofRequestOf } from "../../adapters/predictions/askSides.ts";
import { shuffled } from "../../domain/proof/order.ts";
import type { ProofSample } from "../../domain/proof/result.ts";
import type { Subject } from "../../domain/proof/subjects.ts";
import { sampleFolder } from "../../domain/samples/folder.ts";
import { sampleHash } from "../../plan/proofSamples.ts";
import { samplePlace, samplePlacesIn } from "../samples/places.ts";
import { type OpenedSample, openSample } from "../samples/replaySample.ts";
import { refuse } from "./refusals.ts";

/** The requests that a model's two sides are asked, and where they come from. */
export interface ModelSamples {
  readonly requests: readonly RecordedRequest[];
  readonly places: readonly ProofSample[];
  /** Whether all of them come from recordings that are redacted. */
  readonly isRedacted: boolean;
}

/** A sample that was checked. */
export interface NamedSample extends OpenedSample {
  /** As sentences and the result name it. */
  readonly place: string;
  /** SHA-256 of its file; null for one that the repository does not keep. */
  readonly file: string | null;
}

/** How many requests of a model are asked, and which. */
export interface Choice {
  readonly most: number;
  readonly seed: string;
}

/** What stands in `samples/<name>/` of a project. @throws OperatorError where a sample is wrong, expired, or one of another model. */
export async function keptSamples(
  project: string,
  { recordedAs }: Pick<Subject, "recordedAs">,
  identity: string | undefined,
): Promise<NamedSample[]> {
  const folder = join(project, sampleFolder(recordedAs));
  if (!existsSync(folder)) return [];
  const opened: NamedSample[] = [];
  for (const found of await samplePlacesIn(folder)) {
    // A commit's files are in a folder that nobody knows.
    const place = relative(project, found.name);
    const file = sampleHash(await readFile(found.name));
    const sample = { place, file, ...(await openSample({ ...found, name: place }, identity)) };
    requireSampleOf(sample, recordedAs);
    opened.push(sample);
  }
  return opened;
}

/** The sample at a path or url, with its place as the user named it. */
export async function givenSample(place: string, identity: string | undefined): Promise<NamedSample> {
  return { place, file: null, ...(await openSample(samplePlace(place), identity)) };
}

function requireSampleOf({ place, header }: NamedSample, model: string): void {
  const { name } = header.source;
  if (name !== model) throw refuse("prove.other-sample", { place, name, model });
}

/** The requests of a model's samples, each once, at most so many of them: always the same ones for the same seed. */
export async function chosenRequests(samples: readonly NamedSample[], { most, seed }: Choice): Promise<ModelSamples> {
  const all = new Map<string, { readonly request: RecordedRequest; readonly place: string }>();
  for (const { place, header, requests } of samples) {
    for await (const request of requests(header.count)) {
      const { key } = proofRequestOf(request);
      if (!all.has(key)) all.set(key, { request, place });
    }
  }
  const chosen = shuffled([...all], seed, ([key]) => key)
    .slice(0, most)
    .map(([, each]) => each);
  return {
    requests: chosen.map(({ request }) => request),
    places: samples.map(({ place, file, header }) => ({
      place,
      file,
      digest: header.digest,
      requests: chosen.filter((each) => each.place === place).length,
    })),
    isRedacted: samples.every(({ header }) => header.redaction.unredacted === null),
  };
}
