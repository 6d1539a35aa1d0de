import type { Refusal } from "../../domain/refusals/refusal.ts";
import type { SampledRequest, SampleHeader } from "../../domain/samples/format.ts";
import { SampleReader } from "../../domain/samples/reader.ts";
import { sampleRefusal } from "../../domain/samples/refusals.ts";
import { placesText, SampleScan, totalOf } from "../../domain/samples/scan.ts";
import { openBytes } from "./encryption.ts";
import { linesOf } from "./lines.ts";
import type { SamplePlace } from "./place.ts";
import { scannedOf } from "./scanned.ts";

/** A sample, and what opens it. */
export interface KeptSample {
  readonly place: SamplePlace;
  /** Secret keys of `age`, for a sample that is encrypted. @default none */
  readonly identities?: readonly string[] | undefined;
}

/** What was found in a sample. */
export interface CheckedSample {
  /** Undefined where the first line is wrong. */
  readonly header: SampleHeader | undefined;
  readonly problems: readonly Refusal[];
}

/** Reads all of a sample and tells what is wrong with it. */
export async function checkSample({ place, identities = [] }: KeptSample, now: Date): Promise<CheckedSample> {
  const reader = new SampleReader(place.name, now);
  const scan = new SampleScan();
  for await (const line of linesOf((await openBytes(place, identities)).plain)) {
    const request = reader.add(line);
    if (request) scan.add(scannedOf(request));
    if (reader.isOver) break;
  }
  const { header } = reader;
  const problems = [...reader.end(), ...scanProblems(place.name, scan, header?.redaction.unredacted === null)];
  return { header, problems };
}

/** The requests of a sample that was checked, one after the other. */
export async function* sampledRequests({ place, identities = [] }: KeptSample): AsyncGenerator<SampledRequest> {
  const reader = new SampleReader(place.name, new Date());
  for await (const line of linesOf((await openBytes(place, identities)).plain)) {
    const request = reader.add(line);
    if (request) yield request;
  }
}

/** What a scan found that a sample must not have: keys in none, people's addresses in one that claims to be redacted. */
export function scanProblems(file: string, { keys, addresses }: SampleScan, isRedacted: boolean): Refusal[] {
  return [
    ...(keys.size > 0
      ? [sampleRefusal("sample.holds-keys", file, { count: totalOf(keys), places: placesText(keys) })]
      : []),
    ...(isRedacted && addresses.size > 0
      ? [
          sampleRefusal("sample.holds-addresses", file, {
            count: totalOf(addresses),
            places: placesText(addresses),
          }),
        ]
      : []),
  ];
}
