import { setTimeout as delay } from "node:timers/promises";
import type { DevelopmentStatus, PatchAnswer, PatchRequest } from "../../domain/development/contract.ts";
import { sizeProblem } from "../../domain/patch/chain.ts";
import { computePatch } from "../../domain/patch/compute.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";
import { hashSnapshot } from "../../domain/truss/hash.ts";
import { signatureOf, type TrussSignature } from "../../domain/truss/signature.ts";
import type { TrussReading } from "../truss/snapshot.ts";
import { ApiRefused, type DevelopmentVersions, NeedsFullDeploy, StaleHead } from "./developmentVersions.ts";

/** What patches are computed against. */
export interface Head {
  readonly hash: string;
  readonly signature: TrussSignature;
}

/** How a folder's content got to the head of the chain. */
export type Pushed =
  | { readonly kind: "same"; readonly head: Head }
  | {
      readonly kind: "patched";
      readonly head: Head;
      readonly patches: readonly PatchOperation[];
      readonly answer: PatchAnswer;
      /** Whether another client had moved the head meanwhile. */
      readonly rebased: boolean;
    }
  | { readonly kind: "deploy"; readonly head: Head; readonly reasons: readonly string[] };

export interface PushOptions {
  readonly client: DevelopmentVersions;
  readonly versionId: string;
  /** Reads the folder as it is now; called again where another client was first, so that an old state is never sent. */
  readonly read: () => Promise<TrussReading>;
  /**
   * The head as it was last known.
   * @default the API is asked
   */
  readonly head?: Head | undefined;
  /** Whether code is to be reloaded in the running process, where all that changed is the model's code. @default false */
  readonly hot?: boolean;
  readonly takeover?: boolean;
  /** Compute the patch anew where another client was first; else that is thrown. @default true */
  readonly rebase?: boolean;
  /** Called just before a patch is sent, with its operations. @default nobody is told */
  readonly onSend?: (patches: readonly PatchOperation[]) => void;
  readonly signal?: AbortSignal;
  /**
   * Aborts once the folder holds something else: a patch on its way is then followed until it is stored, and no longer.
   * @default it is followed until the model answers
   */
  readonly later?: AbortSignal;
}

/** The folder holds something else by now. `head` is the chain's head, behind whatever was sent. */
export class Overtaken extends Error {
  override readonly name = "Overtaken";
  readonly head: Head;

  constructor(head: Head) {
    super("a later save takes the place of what was sent");
    this.head = head;
  }
}

/**
 * Stores a folder's content at the head, and has it sent to the running container.
 *
 * @throws Overtaken once `later` aborts and what was sent is stored.
 */
export async function pushTruss(options: PushOptions): Promise<Pushed> {
  const { client, versionId, hot = false, takeover = false, signal } = options;
  let head = options.head ?? headOfStatus(await client.status(versionId, signal));
  for (let rebased = false; ; rebased = true) {
    const { snapshot, patterns } = await options.read();
    const hash = hashSnapshot(snapshot, patterns);
    if (hash === head.hash) return { kind: "same", head };
    const plan = computePatch(head.signature, snapshot, patterns);
    if ("fullDeployment" in plan) return { kind: "deploy", head, reasons: plan.fullDeployment };
    const patches = hot ? hotReloaded(plan.patches) : plan.patches;
    const tooLarge = sizeProblem(patches);
    if (tooLarge !== undefined) return { kind: "deploy", head, reasons: [tooLarge] };
    const next = { hash, signature: signatureOf(snapshot, patterns) };
    const request = {
      prevHash: head.hash,
      nextHash: hash,
      nextSignature: onTheWire(next.signature),
      patches,
      takeover,
    };
    try {
      options.onSend?.(patches);
      const answer = await stored(options, { ...request, patches: [...patches] });
      return { kind: "patched", head: next, patches, answer, rebased };
    } catch (error) {
      if (error instanceof NeedsFullDeploy) return { kind: "deploy", head, reasons: error.reasons };
      if (error instanceof ApiRefused && error.code === "body_too_large") {
        return { kind: "deploy", head, reasons: [error.message] };
      }
      if (!(error instanceof StaleHead) || options.rebase === false) throw error;
      head = { hash: error.headHash, signature: error.headSignature };
    }
  }
}

/** Between two looks whether a patch is stored that nobody waits for any longer, in milliseconds. */
const lookMs = 50;

/**
 * Sends a patch. The service carries out what it has received, whether or not its sender waits, so a patch that is given up before it
 * is stored may be stored behind a later one, and undo it.
 */
async function stored({ client, versionId, signal, later }: PushOptions, request: PatchRequest): Promise<PatchAnswer> {
  if (!later) return client.patch(versionId, request, signal);
  const over = new AbortController();
  const answer = client.patch(versionId, request, over.signal);
  try {
    for (;;) {
      const first = await Promise.race([answer, later.aborted ? delay(lookMs) : once(later)]);
      if (first) return first;
      const status = await client.status(versionId).catch((error: unknown) => {
        // The patch's own answer tells.
        if (!(error instanceof ApiRefused)) throw error;
      });
      // Stored, or refused because another client was first.
      if (status && status.headHash !== request.prevHash) throw new Overtaken(headOfStatus(status));
    }
  } finally {
    over.abort();
    answer.catch(() => {});
  }
}

function once(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}

/** As the API service's contract types it. */
export function onTheWire(signature: TrussSignature) {
  return { ...signature, requirements_file_requirements: [...signature.requirements_file_requirements] };
}

export function headOfStatus({ headHash, headSignature }: DevelopmentStatus): Head {
  return { hash: headHash, signature: headSignature };
}

/** Every operation must agree, or the container restarts the process anyway (truss 0.18.35). */
function hotReloaded(patches: readonly PatchOperation[]): readonly PatchOperation[] {
  if (!patches.every(({ type }) => type === "model_code")) return patches;
  return patches.map((patch) =>
    patch.type === "model_code" ? { type: patch.type, body: { ...patch.body, hot_reload: true as const } } : patch,
  );
}
