import manifest from "../../../package.json" with { type: "json" };
import { isProven, type ModelProof, type ProofResult } from "../../domain/proof/result.ts";
import { type ChangedSubject, changesBetween, type SubjectChanges } from "../../domain/proof/subjects.ts";
import { boundsHash } from "../../domain/proof/verdict.ts";
import { chosenRequests, givenSample, keptSamples, type ModelSamples, type NamedSample } from "./modelSamples.ts";
import { type Proving, proveModel } from "./proveModel.ts";
import { refuse } from "./refusals.ts";
import type { BothRevisions } from "./revisions.ts";

/** Which models are proven, by what. */
export interface WantedProof {
  readonly stack: string;
  /** Samples in place of those in `samples/`: places, each with the model that it is for unless a recording has its name. */
  readonly samples: readonly GivenSample[];
  /** Requests of a model at most. */
  readonly requests: number;
  readonly identity: string | undefined;
}

/** A sample that the user names. */
export interface GivenSample {
  /** A development version, which is not recorded itself. @default what the sample was recorded as */
  readonly model?: string | undefined;
  readonly place: string;
}

/** Proves every model that differs between two revisions, one after the other. */
export async function prove(both: BothRevisions, wanted: WantedProof, proving: Proving): Promise<ProofResult> {
  const { base, head } = both;
  const changes = changesBetween(base.subjects, head.subjects);
  const samples = await samplesOf(changes.changed, both, wanted, proving.seed);
  const models: ModelProof[] = [];
  for (const { change, chosen } of samples) {
    const projects = { old: base.project, new: head.project };
    models.push(await proveModel({ change, samples: chosen, projects }, proving));
  }
  const { seed, repeat, risk } = proving;
  return {
    kind: "proof",
    format: 1,
    tool: manifest.version,
    stack: wanted.stack,
    base: base.revision,
    head: head.revision,
    seed,
    repeat,
    risk,
    models,
    notes: [...(await notesOn(both, changes)), ...samples.flatMap(({ note }) => note ?? [])],
    at: new Date().toISOString(),
  };
}

/** @throws OperatorError with exit code 3, for a result that does not prove the new revision. */
export function requireProven(result: ProofResult): void {
  if (isProven(result)) return;
  const models = result.models
    .filter((model) => !isProven({ models: [model] }))
    .map(({ name, verdict }) => `${name} (${verdict})`);
  throw refuse("prove.not-proven", { models: models.join(", ") });
}

interface Sampled {
  readonly change: ChangedSubject;
  readonly chosen: ModelSamples;
  readonly note?: string | undefined;
}

/** What each model is asked. All samples are checked before the first model is brought up. */
async function samplesOf(
  changed: readonly ChangedSubject[],
  { base, head }: BothRevisions,
  { samples, requests, identity }: WantedProof,
  seed: string,
): Promise<readonly Sampled[]> {
  const given: { readonly model: string; readonly sample: NamedSample }[] = [];
  for (const { model, place } of samples) {
    const sample = await givenSample(place, identity);
    const { name } = sample.header.source;
    const isMeant = ({ new: { kind, name: of, recordedAs } }: ChangedSubject): boolean =>
      model === undefined ? recordedAs === name : of === model && (kind === "development" || recordedAs === name);
    if (model !== undefined && !changed.some(isMeant)) throw refuse("prove.other-sample", { place, name, model });
    if (!changed.some(isMeant)) {
      const models = changed.map((each) => each.new.recordedAs).join(", ") || "none";
      throw refuse("prove.sample-unused", { place, name, models });
    }
    given.push({ model: model ?? name, sample });
  }
  const choose = (list: readonly NamedSample[]) => chosenRequests(list, { most: requests, seed });
  const sampled: Sampled[] = [];
  for (const change of changed) {
    const { name, recordedAs } = change.new;
    const own = given.filter(({ model }) => model === name || model === recordedAs).map(({ sample }) => sample);
    const kept = own.length > 0 ? own : await keptSamples(base.project, change.old, identity);
    if (kept.length > 0) sampled.push({ change, chosen: await choose(kept) });
    else {
      // The new revision's own sample is better than none, and no evidence.
      const chosen = await choose(await keptSamples(head.project, change.new, identity));
      const note =
        chosen.places.length > 0 ? `${name} is asked what the new revision itself brings as samples` : undefined;
      sampled.push({ change, chosen, note });
    }
  }
  return sampled;
}

/** What a reviewer should know beside the verdicts. */
async function notesOn({ base, head }: BothRevisions, { changed, added, removed }: SubjectChanges): Promise<string[]> {
  const rules = changed.filter((each) => boundsHash(each.old) !== boundsHash(each.new));
  return [
    ...added.map(({ name }) => `${name} is new: nothing can be compared with it`),
    ...removed.map(({ name }) => `${name} is removed`),
    ...rules.map(
      ({ new: { name } }) => `the new revision compares answers of ${name} otherwise; the base's rules were used`,
    ),
    ...[...new Set([...base.pinned, ...head.pinned])].map(
      (name) => `${name} is pinned to a content that its folder does not have, so it was not brought up`,
    ),
  ];
}
