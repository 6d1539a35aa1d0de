import { setTimeout as delay } from "node:timers/promises";
import { ApiRefused, type DevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import { type Head, headOf, pushTruss } from "../../adapters/api/pushTruss.ts";
import { watchFolders } from "../../adapters/truss/folderEvents.ts";
import { isSame, readSettled } from "../../adapters/truss/settledTruss.ts";
import type { ReadCache, TrussReading } from "../../adapters/truss/snapshot.ts";
import { type ChangeIn, subjects } from "../../domain/development/changeLine.ts";
import type { DevelopmentStatus } from "../../domain/development/contract.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";
import { type Flag, flag } from "./flag.ts";

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
  isIn(change: ChangeIn): void;
  /** The folder's content is the head of the chain now, whether it runs already or not. */
  isHead(head: Head): Promise<void>;
  /** Not in yet, with the reason; told once for each reason. */
  waiting(what: string, because: string): void;
  /** The folder cannot be sent as it is, such as for a syntax error in config.yaml; the next save may mend it. */
  wrong(because: string): void;
  /** Patches cannot do it. Answers whether it was deployed in full. */
  needsDeployment(reasons: readonly string[]): Promise<boolean>;
}

/** Changes that no event tells of, such as behind symlinks, are found by looking. In milliseconds, and by the time that a look takes. */
const sweepMs = 2_000;
const sweepShare = 50;
const longestRetryMs = 10_000;
/** How long what is saved may take to get in after the watch was stopped, in milliseconds. */
const farewellMs = 30_000;

/**
 * Keeps a development version at what a folder holds: after each save the folder is read once, compared with the head,
 * patched, and synced until the new code answers. Only the folder's own changes are sent, so watchers of several
 * folders do not answer each other; the last save wins.
 */
export async function watchTruss(options: TrussWatchOptions): Promise<void> {
  const { client, versionId, folder, events, stop } = options;
  const cache: ReadCache = new Map();
  const saved = flag();
  stop.addEventListener("abort", () => saved.raise(), { once: true });
  const watching = watchFolders(folder, () => saved.raise());
  const state: WatchState = { head: headOf(await client.status(versionId)), sent: undefined, unsettled: undefined };
  try {
    for (let isFirst = true; ; isFirst = false) {
      const begun = Date.now();
      const at = saved.lower() ?? begun;
      const reading = await readSettled(folder, cache, state.sent);
      const took = Date.now() - begun;
      if (watching.follow(reading.snapshot)) saved.raise();
      if (!isSame(state.sent, reading.snapshot)) await bringIn({ ...options, cache, saved, state, reading, at });
      if (isFirst) events.ready(state.head);
      if (stop.aborted) return;
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
  /** What was stored and does not run yet, because a later save came first. */
  unsettled: readonly PatchOperation[] | undefined;
}

interface Attempt extends TrussWatchOptions {
  readonly cache: ReadCache;
  readonly saved: Flag;
  readonly state: WatchState;
  readonly reading: TrussReading;
  /** When the first of the saves was noticed. */
  readonly at: number;
}

/** Sends one reading until it is in, or until a later save takes its place. */
async function bringIn(attempt: Attempt): Promise<void> {
  const { events, stop, state, at } = attempt;
  const tell = told(events);
  for (let tries = 0; ; tries += 1) {
    try {
      return await bringInOnce(attempt, tell);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      if (!(error instanceof ApiRefused)) {
        events.wrong(error.message);
        state.sent = attempt.reading.snapshot;
        return;
      }
      if (!isPassing(error)) throw error;
      tell("what was saved", error.message);
      if (isOver(stop, at)) throw error;
      await pause(tries);
    }
  }
}

async function bringInOnce(attempt: Attempt, tell: Tell): Promise<void> {
  const { client, versionId, folder, hot, events, cache, state, at } = attempt;
  let reading = attempt.reading;
  let isRead = true;
  const read = async (): Promise<TrussReading> => {
    if (!isRead) reading = await readSettled(folder, cache, undefined);
    isRead = false;
    return reading;
  };
  const pushed = await pushTruss({ client, versionId, head: state.head, hot, read });
  state.head = pushed.head;
  if (pushed.kind === "deploy") {
    if (await events.needsDeployment(pushed.reasons)) state.head = headOf(await client.status(versionId));
    state.sent = reading.snapshot;
    return;
  }
  await events.isHead(state.head);
  const patches = [...(state.unsettled ?? []), ...(pushed.kind === "patched" ? pushed.patches : [])];
  const isIn =
    pushed.kind === "patched"
      ? pushed.answer.state === "synced" || (await settled(attempt, reading, patches, pushed.answer, tell))
      : state.unsettled === undefined || (await settled(attempt, reading, patches, { state: "behind" }, tell));
  state.unsettled = isIn ? undefined : patches;
  state.sent = isIn ? reading.snapshot : undefined;
  if (!isIn || (pushed.kind === "same" && patches.length === 0)) return;
  const answer = pushed.kind === "patched" ? pushed.answer : undefined;
  events.isIn({
    patches,
    hot: answer?.hot ?? false,
    milliseconds: Date.now() - at,
    applyMilliseconds: answer?.timings.apply ?? 0,
    headHash: state.head.hash,
  });
}

type Reached = Pick<DevelopmentStatus, "state" | "because">;

/** Syncs until the head answers; false where a later save is to be sent first. */
async function settled(
  { client, versionId, folder, cache, saved, stop, at }: Attempt,
  { snapshot }: TrussReading,
  patches: readonly PatchOperation[],
  first: Reached,
  tell: Tell,
): Promise<boolean> {
  let reached = first;
  for (let tries = 0; ; tries += 1) {
    // Events may still be of the save that is on its way.
    if (saved.lower() !== undefined && !isSame(snapshot, (await readSettled(folder, cache, snapshot)).snapshot)) {
      saved.raise();
      return false;
    }
    if (tries > 0 || first.because !== undefined) tell(subjects(patches), reached.because ?? reached.state);
    if (isOver(stop, at)) return true;
    if (tries > 0) await Promise.race([pause(tries), saved.raised(longestRetryMs)]);
    reached = await syncAgain(client, versionId, reached.state);
    if (reached.state === "synced") return true;
  }
}

async function syncAgain(client: DevelopmentVersions, versionId: string, state: Reached["state"]): Promise<Reached> {
  try {
    if (state === "stopped") await client.wake(versionId);
    return await client.sync(versionId);
  } catch (error) {
    if (error instanceof ApiRefused && isPassing(error)) return { state: "unreachable", because: error.message };
    throw error;
  }
}

/** Longer each time. */
function pause(tries: number): Promise<void> {
  return delay(Math.min(100 * 2 ** tries, longestRetryMs));
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
