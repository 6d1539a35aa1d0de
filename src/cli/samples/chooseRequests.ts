import type { Client } from "pg";
import { type SampleRange, sampleCandidates } from "../../adapters/postgres/predictions/sampledRequests.ts";
import { mostStrata, SampleChoice, type SampleKey, type StratumCount } from "../../domain/samples/choice.ts";
import { type SampleStratum, stratumOf } from "../../domain/samples/strata.ts";
import { refuse } from "../commands/refusals.ts";

/** What was chosen, and what was left out and why. */
export interface ChosenRequests {
  readonly keys: readonly SampleKey[];
  readonly strata: readonly StratumCount[];
  readonly leftOut: {
    readonly truncated: number;
    readonly bodiless: number;
    /** Redacted ones where those that are not are asked for, and the other way round. */
    readonly otherwise: number;
    /** Of other organizations, or of nobody known, where one organization's are asked for. */
    readonly elsewhere: number;
  };
  /** How many requests each organization has of those that were chosen from, by its id; null for those of nobody known. */
  readonly organizations: ReadonlyMap<string | null, number>;
}

export interface ChoiceOptions extends SampleRange {
  readonly requests: number;
  readonly stratify: readonly SampleStratum[];
  /** Those that are redacted, or those that are not. */
  readonly redacted: boolean;
  /** Id of the organization whose requests alone are chosen. @default everybody's */
  readonly organizationId?: string | undefined;
  readonly signal: AbortSignal;
  readonly onSeen: (seen: number) => void;
}

/** Looks at every request of the range, and chooses the same ones each time. */
export async function chooseRequests(client: Client, options: ChoiceOptions): Promise<ChosenRequests> {
  const { requests, stratify, redacted, organizationId, signal, onSeen } = options;
  const choice = new SampleChoice(requests);
  const leftOut = { truncated: 0, bodiless: 0, otherwise: 0, elsewhere: 0 };
  const organizations = new Map<string | null, number>();
  let seen = 0;
  for await (const candidate of sampleCandidates(client, options)) {
    seen += 1;
    if (seen % 1_000 === 0) {
      signal.throwIfAborted();
      onSeen(seen);
    }
    const { organization } = candidate;
    if (organizationId !== undefined && organization !== organizationId) leftOut.elsewhere += 1;
    else if (candidate.redacted !== redacted) leftOut.otherwise += 1;
    else if (candidate.bodiless) leftOut.bodiless += 1;
    else if (candidate.truncated) leftOut.truncated += 1;
    else {
      choice.add(stratumOf(candidate, stratify), candidate);
      organizations.set(organization, (organizations.get(organization) ?? 0) + 1);
    }
    if (choice.strata > mostStrata) {
      throw refuse("sample.many-strata", { given: stratify.join(","), most: mostStrata });
    }
  }
  return { ...choice.chosen(), leftOut, organizations };
}
