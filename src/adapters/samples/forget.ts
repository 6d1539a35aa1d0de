import { OperatorError } from "../../domain/errors.ts";
import { holdsValue, type WantedValue } from "../../domain/redaction/forgotten.ts";
import type { SampleHeader } from "../../domain/samples/format.ts";
import { SampleReader } from "../../domain/samples/reader.ts";
import { SampleScan, type Scanned, totalOf } from "../../domain/samples/scan.ts";
import { headerLine } from "../../domain/samples/write.ts";
import { refuse } from "../refusals.ts";
import { openBytes } from "./encryption.ts";
import { linesOf } from "./lines.ts";
import type { SamplePlace } from "./place.ts";
import { scannedOf } from "./scanned.ts";

/** A request of a sample, as far as it takes to know whether it is to be forgotten. */
export interface SearchedRequest {
  readonly id: string;
  /** UTC, as `YYYY-MM-DD`. */
  readonly day: string;
  /** It or its answer has the wanted value. */
  readonly holds: boolean;
}

/** A sample all of whose requests were read. */
export interface SearchedSample {
  readonly place: SamplePlace;
  readonly header: SampleHeader;
  readonly isEncrypted: boolean;
  /** In the order of their lines. */
  readonly requests: readonly SearchedRequest[];
}

/** What was found at a place: a sample, something else, or a sample that could not be read whole, and why. */
export type Searched = SearchedSample | { readonly place: SamplePlace; readonly problem: string | undefined };

/**
 * Reads a sample for requests with a value. One that has expired is searched too.
 *
 * @param wanted - @default only the ids of the requests are wanted
 */
export async function searchSample(
  place: SamplePlace,
  identities: readonly string[],
  wanted: WantedValue | undefined,
): Promise<Searched> {
  const reader = new SampleReader(place.name, new Date());
  const requests: SearchedRequest[] = [];
  try {
    const { isEncrypted, plain } = await openBytes(place, identities);
    for await (const line of linesOf(plain)) {
      const request = reader.add(line);
      if (request) {
        const holds = wanted !== undefined && scannedHolds(scannedOf(request), wanted);
        requests.push({ id: request.id, day: request.at.slice(0, 10), holds });
      }
      if (reader.isOver) break;
    }
    const problems = reader.end().filter(({ id }) => id !== "sample.expired");
    const { header } = reader;
    const [problem] = problems;
    if (header && !problem) return { place, header, isEncrypted, requests };
    const isOther = problem?.id === "sample.not-one" || problem?.id === "sample.empty";
    return { place, problem: isOther ? undefined : problem?.message };
  } catch (error) {
    if (error instanceof OperatorError) return { place, problem: error.message };
    throw error;
  }
}

/**
 * A sample without some of its requests, as it is written again, but not encrypted. Undefined where none is left.
 *
 * @param isForgotten - of each request, in the order of {@link SearchedSample.requests}
 * @throws OperatorError where the sample is not the one that was searched.
 */
export async function withoutRequests(
  { place, header: before, requests }: SearchedSample,
  identities: readonly string[],
  isForgotten: (request: SearchedRequest) => boolean,
): Promise<{ readonly header: SampleHeader; readonly plain: Uint8Array } | undefined> {
  const reader = new SampleReader(place.name, new Date());
  const scan = new SampleScan();
  const kept: Uint8Array[] = [];
  let at = 0;
  for await (const line of linesOf((await openBytes(place, identities)).plain)) {
    const request = reader.add(line);
    const searched = requests[at];
    if (!request || !line.bytes) continue;
    if (searched?.id !== request.id || reader.header?.digest !== before.digest) {
      throw refuse("sample.changed", { file: place.name });
    }
    at += 1;
    if (isForgotten(searched)) continue;
    scan.add(scannedOf(request));
    kept.push(Buffer.concat([line.bytes, Buffer.from("\n")]));
  }
  if (kept.length === 0) return undefined;
  const { format: _, version: __, count: ___, digest: ____, ...about } = before;
  const { header, line } = headerLine({ ...about, addresses: totalOf(scan.addresses) }, kept);
  return { header, plain: Buffer.concat([line, ...kept]) };
}

function scannedHolds({ request, answer }: Scanned, wanted: WantedValue): boolean {
  return [request, ...(answer ? [answer] : [])].some((body) =>
    "json" in body ? holdsValue(body.json, wanted) : wanted.texts.some((text) => body.text.includes(text)),
  );
}
