import { setTimeout as delay } from "node:timers/promises";
import { ApiRefused, type DevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import { type Head, headOf, type Pushed, pushTruss } from "../../adapters/api/pushTruss.ts";
import { watchFolders } from "../../adapters/truss/folderEvents.ts";
import { isSame, readSettled } from "../../adapters/truss/settledTruss.ts";
import type { ReadCache, TrussReading } from "../../adapters/truss/snapshot.ts";
import { type ChangeIn, subjects } from "../../domain/development/changeLine.ts";
import type { DevelopmentStatus } from "../../domain/development/contract.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";
import { configFilename } from "../../domain/truss/config.ts";
import { hashSnapshot } from "../../domain/truss/hash.ts";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";
import { flag } from "./flag.ts";
import { unlessSaved, type Watched } from "./unlessSaved.ts";

export interface TrussWatchOptions {
  readonly client: DevelopmentVersions;
  readonly versionId: string;
  /** Absolute, without symlinks. */
  readonly folder: string;
  /** Reload changed code in the running process instead of restarting it. */
  readonly hot: boolean;
  readonly events: WatchEvents;
  /** Ends the watch once what is saved is in. */
  readonly stop: AbortSignal;
}

/** What a watch tells while it goes on. */
export interface WatchEvents {
  /** The folder was read and compared, and the watch is on. */
  ready(head: Head): void;
  /** Whether the folder may replace a head that it differs from when the watch begins. Throws where it may not. */
  mayReplace(head: Head): Promise<void>;
  /** What was saved is on its way. */
  sending(patches: readonly PatchOperation[]): void;
  isIn(change: ChangeIn): void;
  /** The folder's content is the head of the chain now, whether it runs already or not. */
  isHead(head: Head): Promise<void>;
  /** Not in yet, with the reason; told once for each reason. */
  waiting(what: string, because: string): void;
  /** The folder cannot be sent as it is, such as for a syntax error in config.yaml; the next save may mend it. */
  wrong(because: string): void;
  /** Patches cannot do it. Answers whether it was deployed in full. The question goes when a save takes its reason away. */
  needsDeployment(reasons: readonly string[], later: AbortSignal): Promise<boolean>;
}

/** Changes that no event tells of, such as behind symlinks, are found by looking. In milliseconds, and by the time that a look takes. */
const sweepMs = 2_000;
const sweepShare = 50;
const longestRetryMs = 10_000;
/** How long what is saved may take to get in after the watch was stopped, in milliseconds. */
const farewellMs = 30_000;
/** How long a folder must rest before a full deployment is offered, in milliseconds: a checkout changes it for a second or two. */
const restMs = 2_000;

/**
 * Keeps a development version at what a folder holds: after each save the folder is read once, compared with the head,
 * patched, and synced until the new code answers. A later save takes the place of one that is on its way. Only the folder's own
 * changes are sent, so watchers of several folders do not answer each other; the last save wins.
 *
 * @throws OperatorError when the watch is stopped while what is saved is not in, with the reason.
 */
export async function watchTruss(options: TrussWatchOptions): Promise<void> {
  const { client, versionId, folder, events, stop } = options;
  const cache: ReadCache = new Map();
  const saved = flag();
  stop.addEventListener("abort", () => saved.raise(), { once: true });
  const watching = watchFolders(folder, () => saved.raise());
  const head = headOf(await client.status(versionId));
  const state: WatchState = { head, sent: undefined, last: undefined, unsettled: undefined, notIn: undefined };
  const watch: Watch = { ...options, cache, saved, state };
  try {
    for (let isFirst = true; ; isFirst = false) {
      const begun = Date.now();
      const noticed = saved.lower() ?? begun;
      const reading = await readOrTell(watch, isFirst);
      const took = Date.now() - begun;
      if (watching.follow(reading?.snapshot)) saved.raise();
      if (reading && !isSame(state.sent, reading.snapshot)) {
        if (isFirst && hashSnapshot(reading.snapshot, reading.patterns) !== head.hash) await events.mayReplace(head);
        // Another try of the same content is timed from its save on.
        if (!state.last || !isSame(state.last.reading.snapshot, reading.snapshot))
          state.last = { reading, at: noticed };
        await bringIn(watch, { reading, at: state.last.at });
      }
      if (isFirst) events.ready(state.head);
      if (stop.aborted) return farewell(state);
      await saved.raised(Math.max(sweepMs, took * sweepShare));
    }
  } finally {
    watching.close();
  }
}

interface WatchState {
  /** As it was last known. */
  head: Head;
  /** Last reading that got in, or was found to need something else than patches. */
  sent: TrussSnapshot | undefined;
  /** Last reading that was to be sent, and when its save was noticed. */
  last: Save | undefined;
  /** What was sent and does not run yet, because a later save came first. */
  unsettled: readonly PatchOperation[] | undefined;
  /** Why the folder's content is not what runs; undefined where it is. */
  notIn: string | undefined;
}

interface Watch extends TrussWatchOptions, Watched {
  readonly state: WatchState;
}

interface Save {
  readonly reading: TrussReading;
  /** When it was noticed, in milliseconds since 1970. */
  readonly at: number;
}

function farewell({ notIn }: WatchState): void {
  if (notIn !== undefined) throw new OperatorError(`ended before what is saved was in: ${notIn}`);
}

/** Undefined, with the reason told once, while there is no folder to read. */
async function readOrTell(
  { folder, cache, state, events }: Watch,
  isFirst: boolean,
): Promise<TrussReading | undefined> {
  try {
    return await readSettled(folder, cache, state.sent);
  } catch (error) {
    if (isFirst || !(error instanceof OperatorError)) throw error;
    if (state.notIn !== error.message) events.wrong(error.message);
    state.notIn = error.message;
    // It may come back as it was, and is looked at then.
    state.sent = undefined;
    return undefined;
  }
}

/** Sends one save until it is in, or until a later one is to take its place. */
async function bringIn(watch: Watch, save: Save): Promise<void> {
  const { events, stop, state } = watch;
  const tell = told(events);
  for (let tries = 0; ; tries += 1) {
    try {
      await unlessSaved(watch, save.reading.snapshot, (later) => bringInOnce(watch, save, tell, later));
      return;
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      state.notIn = error.message;
      if (!(error instanceof ApiRefused)) {
        events.wrong(error.message);
        state.sent = save.reading.snapshot;
        return;
      }
      if (!isPassing(error)) throw error;
      tell("what was saved", error.message);
      if (isOver(stop, save.at)) return;
      await pause(tries, undefined);
    }
  }
}

async function bringInOnce(watch: Watch, { reading: first, at }: Save, tell: Tell, later: AbortSignal): Promise<void> {
  const { client, versionId, hot, events, state } = watch;
  let reading = first;
  let isRead = true;
  const read = async (): Promise<TrussReading> => {
    if (!isRead) reading = await readSettled(watch.folder, watch.cache, undefined);
    isRead = false;
    return reading;
  };
  let sending: readonly PatchOperation[] = [];
  const onSend = (patches: readonly PatchOperation[]): void => {
    if (sending.length === 0) events.sending(patches);
    sending = patches;
    // From here on they may be stored, whatever becomes of the answer.
    state.notIn = `${subjects(patches)} is on its way`;
  };
  const before = state.unsettled ?? [];
  let pushed: Pushed;
  try {
    pushed = await pushTruss({ client, versionId, head: state.head, hot, read, onSend, signal: later });
  } catch (error) {
    if (later.aborted && sending.length > 0) state.unsettled = [...before, ...sending];
    throw error;
  }
  state.head = pushed.head;
  if (pushed.kind === "deploy") return deploy(watch, reading, pushed.reasons, later);
  await events.isHead(state.head);
  const patches = [...before, ...(pushed.kind === "patched" ? pushed.patches : [])];
  const answer = pushed.kind === "patched" ? pushed.answer : undefined;
  state.unsettled = patches;
  const reached = answer ?? (patches.length === 0 ? synced : ({ state: "behind" } as const));
  const isIn = reached.state === "synced" || (await settled(watch, patches, reached, { at, tell, later }));
  if (!isIn) return;
  state.unsettled = undefined;
  state.notIn = undefined;
  state.sent = reading.snapshot;
  if (pushed.kind === "same" && patches.length === 0) return;
  events.isIn({
    patches,
    hot: answer?.hot ?? false,
    milliseconds: Date.now() - at,
    applyMilliseconds: answer?.timings.apply ?? 0,
    headHash: state.head.hash,
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
    state.head = headOf(await client.status(versionId));
    state.notIn = undefined;
    state.unsettled = undefined;
  }
  // A save while it was deployed is another reading, and is sent as such.
  state.sent = reading.snapshot;
}

type Reached = Pick<DevelopmentStatus, "state" | "because">;
const synced: Reached = { state: "synced" };

/** Syncs until the head answers; false where the user has left before that. */
async function settled(
  { client, versionId, stop, state }: Watch,
  patches: readonly PatchOperation[],
  first: Reached,
  { at, tell, later }: { readonly at: number; readonly tell: Tell; readonly later: AbortSignal },
): Promise<boolean> {
  let reached = first;
  for (let tries = 0; ; tries += 1) {
    if (tries > 0 || first.because !== undefined) tell(subjects(patches), reached.because ?? reached.state);
    state.notIn = reached.because ?? `${subjects(patches)}: ${reached.state}`;
    // Code that does not load is not waited for by somebody who leaves.
    const isHopeless = stop.aborted && tries > 0 && reached.state === "behind";
    if (isOver(stop, at) || isHopeless) return false;
    if (tries > 0) await pause(tries, later);
    reached = await syncAgain(client, versionId, reached.state, later);
    if (reached.state === "synced") return true;
  }
}

async function syncAgain(
  client: DevelopmentVersions,
  versionId: string,
  state: Reached["state"],
  later: AbortSignal,
): Promise<Reached> {
  try {
    if (state === "stopped") await client.wake(versionId, later);
    return await client.sync(versionId, later);
  } catch (error) {
    if (error instanceof ApiRefused && isPassing(error)) return { state: "unreachable", because: error.message };
    throw error;
  }
}

/** Longer each time. */
function pause(tries: number, signal: AbortSignal | undefined): Promise<void> {
  return delay(Math.min(100 * 2 ** tries, longestRetryMs), undefined, { ...(signal ? { signal } : {}) });
}

/** Whether the user has left and does not wait for ever. */
function isOver(stop: AbortSignal, at: number): boolean {
  return stop.aborted && Date.now() - at > farewellMs;
}

function isPassing({ code }: ApiRefused): boolean {
  return code === "unreachable" || code === "database_unavailable" || code === "stopping" || code === "internal";
}

type Tell = (what: string, because: string) => void;

function told(events: WatchEvents): Tell {
  let last = "";
  return (what, because) => {
    if (because !== last) events.waiting(what, because);
    last = because;
  };
}
