import { setTimeout as delay } from "node:timers/promises";
import { ApiRefused, type DevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import { type Head, headOfStatus, Overtaken, type Pushed, pushTruss } from "../../adapters/api/pushTruss.ts";
import { readSettled } from "../../adapters/truss/settledTruss.ts";
import type { TrussReading } from "../../adapters/truss/snapshot.ts";
import { subjects } from "../../domain/development/changeLine.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";
import { configFilename } from "../../domain/truss/config.ts";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";
import { type Tell, told, type WatchEvents } from "./events.ts";
import { explained, isTriedAgain, pause, type Reached, syncUntilSynced } from "./syncUntilSynced.ts";
import { unlessSaved, type Watched } from "./unlessSaved.ts";

/** A watch that is on. */
export interface Watch extends Watched {
  readonly client: DevelopmentVersions;
  readonly versionId: string;
  /** Reload changed code in the running process instead of restarting it. */
  readonly hot: boolean;
  readonly events: WatchEvents;
  /** Ends the watch once what is saved is in. */
  readonly stop: AbortSignal;
  readonly state: WatchState;
}

export interface WatchState {
  /** As it was last known; undefined while a patch was sent that nothing was heard of. */
  head: Head | undefined;
  /** Last reading that got in, or was found to need something else than patches. */
  sent: TrussSnapshot | undefined;
  /** Last reading that was to be sent, and when its save was noticed. */
  last: Save | undefined;
  /** What was sent and does not run yet, because a later save came first. */
  unsettled: readonly PatchOperation[] | undefined;
  /** How far the head had got that the watch began with, where nobody has brought it in since. */
  reached: Reached;
  /** Why the folder's content is not what runs; undefined where it is. */
  notIn: string | undefined;
}

export interface Save {
  readonly reading: TrussReading;
  /** When it was noticed, in milliseconds since 1970. */
  readonly at: number;
}

/** How long what is saved may take to get in after the watch was stopped, in milliseconds. */
const farewellMs = 30_000;
/** How long a folder must rest before a full deployment is offered, in milliseconds: a checkout changes it for a second or two. */
const restMs = 2_000;

/** Sends one save until it is in, or until a later one is to take its place. */
export async function bringIn(watch: Watch, save: Save): Promise<void> {
  const { events, stop, state } = watch;
  const tell = told(events);
  for (let tries = 0; ; tries += 1) {
    try {
      await unlessSaved(watch, save.reading.snapshot, (later) => bringInOnce(watch, save, tell, later));
      return;
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      state.notIn = error.message;
      if (!(error instanceof ApiRefused) || error.code === "bad_request") {
        events.wrong(error.message);
        state.sent = save.reading.snapshot;
        return;
      }
      if (!isTriedAgain(error)) throw error;
      tell("what was saved", error.message);
      if (isOver(stop, save.at)) return;
      await pause(tries);
    }
  }
}

async function bringInOnce(watch: Watch, { reading: first, at }: Save, tell: Tell, later: AbortSignal): Promise<void> {
  const { client, versionId, hot, events, state, stop } = watch;
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
  const sayWhy = (patches: readonly PatchOperation[], { state: now, because: reason }: Reached): void => {
    state.notIn = reason ?? `${subjects(patches)}: ${now}`;
    tell(subjects(patches), reason ?? now);
  };
  const onWait = (reached: Reached): void => sayWhy([...(before ?? []), ...(sending ?? [])], reached);
  let pushed: Pushed;
  try {
    const options = { client, versionId, head: state.head, hot, read, onSend, later };
    pushed = await explained({ client, versionId, later, onWait }, () => pushTruss(options));
  } catch (error) {
    if (error instanceof Overtaken) state.head = error.head;
    // What may be stored is to be brought in, by whoever finds it at the head.
    const isRefused = error instanceof ApiRefused && !isTriedAgain(error);
    if (sending !== undefined && !isRefused) state.unsettled = [...(before ?? []), ...sending];
    throw error;
  }
  const { head } = pushed;
  state.head = head;
  if (pushed.kind === "deploy") return deploy(watch, reading, pushed.reasons, later);
  await events.isHead(head);
  const patches = [...(before ?? []), ...(pushed.kind === "patched" ? pushed.patches : [])];
  const answer = pushed.kind === "patched" ? pushed.answer : undefined;
  const isSettled = pushed.kind === "same" && before === undefined;
  if (!isSettled) state.unsettled = patches;
  const reached = answer ?? (isSettled ? state.reached : ({ state: "behind" } as const));
  const isIn =
    reached.state === "synced" ||
    (await syncUntilSynced(reached, {
      client,
      versionId,
      later,
      onTry: (now) => sayWhy(patches, now),
      // Code that does not load is not waited for by somebody who leaves.
      isOver: (tries, now) => isOver(stop, at) || (stop.aborted && tries > 0 && now.state === "behind"),
    }));
  if (!isIn) return;
  state.reached = { state: "synced" };
  state.unsettled = undefined;
  state.notIn = undefined;
  state.sent = reading.snapshot;
  if (isSettled) return;
  events.isIn({
    patches,
    hot: answer?.hot ?? false,
    milliseconds: Date.now() - at,
    applyMilliseconds: answer?.timings.apply ?? 0,
    headHash: head.hash,
  });
}

/** Offers a full deployment, once the folder rests. */
async function deploy(
  watch: Watch,
  reading: TrussReading,
  reasons: readonly string[],
  later: AbortSignal,
): Promise<void> {
  const { client, versionId, events, state, stop } = watch;
  state.notIn = reasons.join("; ");
  if (!reading.snapshot.entries.has(configFilename)) {
    // What cannot be deployed either is no offer: it is written anew, or comes back.
    events.wrong(`${configFilename} was removed; every truss has one`);
    state.sent = reading.snapshot;
    return;
  }
  await delay(restMs, undefined, { signal: AbortSignal.any([later, stop]) }).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
  if (stop.aborted) return;
  if (await events.needsDeployment(reasons, later)) {
    state.head = headOfStatus(await client.status(versionId));
    state.notIn = undefined;
    state.unsettled = undefined;
  }
  // A save while it was deployed is another reading, and is sent as such.
  state.sent = reading.snapshot;
}

/** Whether the user has left and does not wait for ever. */
function isOver(stop: AbortSignal, at: number): boolean {
  return stop.aborted && Date.now() - at > farewellMs;
}
