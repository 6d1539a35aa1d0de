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
  };
}

export interface ChoiceOptions extends SampleRange {
  readonly requests: number;
  readonly stratify: readonly SampleStratum[];
  /** Those that are redacted, or those that are not. */
  readonly redacted: boolean;
  readonly signal: AbortSignal;
  readonly onSeen: (seen: number) => void;
}

/** Looks at every request of the range, and chooses the same ones each time. */
export async function chooseRequests(client: Client, options: ChoiceOptions): Promise<ChosenRequests> {
  const { requests, stratify, redacted, signal, onSeen } = options;
  const choice = new SampleChoice(requests);
  const leftOut = { truncated: 0, bodiless: 0, otherwise: 0 };
  let seen = 0;
  for await (const candidate of sampleCandidates(client, options)) {
    seen += 1;
    if (seen % 1_000 === 0) {
      signal.throwIfAborted();
      onSeen(seen);
    }
    if (candidate.redacted !== redacted) leftOut.otherwise += 1;
    else if (candidate.bodiless) leftOut.bodiless += 1;
    else if (candidate.truncated) leftOut.truncated += 1;
    else choice.add(stratumOf(candidate, stratify), candidate);
    if (choice.strata > mostStrata) {
      throw refuse("sample.many-strata", { given: stratify.join(","), most: mostStrata });
    }
  }
  return { ...choice.chosen(), leftOut };
}
