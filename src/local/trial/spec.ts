import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { KubernetesObject, V1Pod, V1PodStatus } from "@kubernetes/client-node";
import type { TrialPlace } from "./place.ts";

/** What the inner process of a trial is to run: `spec.json`. */
export interface TrialSpec {
  /** Path of the container-shim binary. */
  readonly shim: string;
  readonly pods: readonly SpecifiedPod[];
  /** ConfigMaps and Secrets that the pods refer to, by their path in the API. */
  readonly objects: Readonly<Record<string, KubernetesObject>>;
  /** Whether the egress proxy's socket is there. */
  readonly egress: boolean;
  /** Milliseconds since the epoch: everything ends then. */
  readonly deadline: number;
}

export interface SpecifiedPod {
  /** Name of the model in the combination. */
  readonly model: string;
  /** In the trial's network. */
  readonly address: string;
  /** Name of its socket in the trial's folder of sockets. */
  readonly socket: string;
  readonly pod: V1Pod;
}

/** What the inner process says on standard output, a line of JSON each. */
export type TrialEvent =
  /** Its network is there, and it waits for its spec. */
  | { readonly kind: "waits" }
  | {
      readonly kind: "pod";
      readonly model: string;
      readonly status: V1PodStatus;
      /** From the start of the run that became ready until it was, in milliseconds; null while none is. */
      readonly readyAfterMs: number | null;
    }
  /** It ends for this reason: its deadline, or a failure of its own. */
  | { readonly kind: "ends"; readonly reason: string };

const lookEveryMs = 20;

/** Waits for the spec, and deletes it before anything else happens. Throws the signal's reason. */
export async function takeSpec({ specFile }: Pick<TrialPlace, "specFile">, signal: AbortSignal): Promise<TrialSpec> {
  for (;;) {
    signal.throwIfAborted();
    const text = await readFile(specFile, "utf8").catch(() => undefined);
    if (text !== undefined) {
      await rm(specFile);
      return JSON.parse(text) as TrialSpec;
    }
    await delay(lookEveryMs);
  }
}

/** In one rename: what is read is whole. */
export async function giveSpec({ specFile }: Pick<TrialPlace, "specFile">, spec: TrialSpec): Promise<void> {
  await writeFile(`${specFile}.new`, JSON.stringify(spec), { mode: 0o600 });
  await rename(`${specFile}.new`, specFile);
}
