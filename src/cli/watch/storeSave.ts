import { ApiRefused } from "../../adapters/api/developmentVersions.ts";
import { Overtaken, type Pushed, pushTruss } from "../../adapters/api/pushTruss.ts";
import { readSettled } from "../../adapters/truss/settledTruss.ts";
import type { TrussReading } from "../../adapters/truss/snapshot.ts";
import { subjects } from "../../domain/development/changeLine.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";
import { explained } from "./explained.ts";
import { isTriedAgain } from "./isTriedAgain.ts";
import { offerDeployment } from "./offerDeployment.ts";
import type { Reached, Watch } from "./watch.ts";

/** A save whose content is the head of the chain. */
export interface Stored {
  /** What was read last: another client's head has it read again. */
  readonly reading: TrussReading;
  readonly headHash: string;
  /** What is on its way to the container, earlier saves' too; undefined where nothing is. */
  readonly patches: readonly PatchOperation[] | undefined;
  /** How far the container had got when the patch was answered. */
  readonly reached: Reached;
  readonly hot: boolean;
  /** How long the container took for the patch, in milliseconds. */
  readonly applyMs: number;
}

export interface Storing {
  readonly later: AbortSignal;
  /** Told what its answer waits for, and for which patches. */
  readonly onWait: (patches: readonly PatchOperation[], reached: Reached) => void;
}

/** Stores what was read at the head of the chain; undefined where that needs a full deployment, which is offered. */
export async function storeSave(watch: Watch, first: TrussReading, storing: Storing): Promise<Stored | undefined> {
  const { client, versionId, hot, events, state } = watch;
  const { later, onWait } = storing;
  let reading = first;
  let isRead = true;
  const read = async (): Promise<TrussReading> => {
    if (!isRead) reading = await readSettled(watch.folder, watch.cache, undefined);
    isRead = false;
    return reading;
  };
  let sending: readonly PatchOperation[] | undefined;
  const onSend = (patches: readonly PatchOperation[]): void => {
    if (sending === undefined) events.sending(patches);
    sending = patches;
    // From here on they may be stored, whatever becomes of the answer: a later save of what was there before is another patch.
    state.head = undefined;
    state.notIn = `${subjects(patches)} is on its way`;
  };
  const before = state.unsettled;
  const waiting = (reached: Reached): void => onWait([...(before ?? []), ...(sending ?? [])], reached);
  let pushed: Pushed;
  try {
    const options = { client, versionId, head: state.head, hot, read, onSend, later };
    pushed = await explained({ client, versionId, later, onWait: waiting }, () => pushTruss(options));
  } catch (error) {
    if (error instanceof Overtaken) state.head = error.head;
    // What may be stored is to be brought in, by whoever finds it at the head.
    const isRefused = error instanceof ApiRefused && !isTriedAgain(error);
    if (sending !== undefined && !isRefused) state.unsettled = [...(before ?? []), ...sending];
    throw error;
  }
  const { head } = pushed;
  state.head = head;
  if (pushed.kind === "deploy") {
    await offerDeployment(watch, reading, pushed.reasons, later);
    return undefined;
  }
  await events.isHead(head);
  const headHash = head.hash;
  if (pushed.kind === "patched") {
    const { answer } = pushed;
    state.unsettled = [...(before ?? []), ...pushed.patches];
    return {
      reading,
      headHash,
      patches: state.unsettled,
      reached: answer,
      hot: answer.hot,
      applyMs: answer.timings.apply,
    };
  }
  const reached = before === undefined ? state.reached : ({ state: "behind" } as const);
  return { reading, headHash, patches: before, reached, hot: false, applyMs: 0 };
}
