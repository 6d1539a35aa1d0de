import { setTimeout as delay } from "node:timers/promises";
import { ApiRefused } from "../../adapters/api/developmentVersions.ts";
import { subjects } from "../../domain/development/changeLine.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";
import { told } from "./events.ts";
import { explained } from "./explained.ts";
import { isTriedAgain } from "./isTriedAgain.ts";
import { type Stored, storeSave } from "./storeSave.ts";
import { unlessSaved } from "./unlessSaved.ts";
import type { Reached, Save, Watch } from "./watch.ts";

/** How long what is saved may take to get in after the watch was stopped, in milliseconds. */
const farewellMs = 30_000;
/** Between two turns, doubled each time, in milliseconds. */
const [firstPauseMs, longestPauseMs] = [200, 10_000];

/** Sends one save until it is in, or until a later one is to take its place. */
export async function bringIn(watch: Watch, save: Save): Promise<void> {
  const { events, state } = watch;
  const { snapshot } = save.reading;
  try {
    await unlessSaved(watch, snapshot, (later) => untilIn(watch, save, later));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    state.notIn = error.message;
    // What the folder itself is refused for, the next save may mend.
    if (error instanceof ApiRefused && error.code !== "bad_request") throw error;
    events.wrong(error.message);
    state.sent = snapshot;
  }
}

/**
 * The one loop of a save: its turns store it, and then bring the container to it. What goes away by itself is tried again, after a pause
 * that is longer each time; the API service has its own patience with the container, and bounds it.
 */
async function untilIn(watch: Watch, { reading, at }: Save, later: AbortSignal): Promise<void> {
  const { events, stop, state } = watch;
  const tell = told(events);
  const sayWhy = (patches: readonly PatchOperation[] | undefined, { state: now, because: reason }: Reached): void => {
    const what = patches ? subjects(patches) : "what was saved";
    state.notIn = reason ?? `${what}: ${now}`;
    tell(what, reason ?? now);
  };
  let stored: Stored | undefined;
  let reached: Reached = { state: "behind" };
  for (let syncs = 0, pauses = 0; ; ) {
    const isStoring = stored === undefined;
    try {
      if (stored) {
        syncs += 1;
        reached = await syncOnce(watch, reached, later, (status) => sayWhy(stored?.patches ?? [], status));
      } else {
        stored = await storeSave(watch, reading, { later, onWait: sayWhy });
        if (!stored) return;
        reached = stored.reached;
      }
    } catch (error) {
      if (!isTriedAgain(error)) throw error;
      reached = { state: "unreachable", because: error.message };
    }
    if (stored && reached.state === "synced") return isIn(watch, stored, at);
    const isJustStored = isStoring && stored !== undefined;
    if (!isJustStored || reached.because !== undefined) sayWhy(stored && (stored.patches ?? []), reached);
    // Whoever stops the watch does not wait for code that does not load.
    const isLeft = stop.aborted && (Date.now() - at > farewellMs || (syncs > 0 && reached.state === "behind"));
    if (isLeft) return;
    if (isJustStored) continue;
    await delay(Math.min(firstPauseMs * 2 ** pauses, longestPauseMs), undefined, { signal: later });
    pauses += 1;
  }
}

function syncOnce(
  { client, versionId }: Watch,
  before: Reached,
  later: AbortSignal,
  onWait: (reached: Reached) => void,
): Promise<Reached> {
  return explained({ client, versionId, later, onWait }, async () => {
    if (before.state === "stopped") await client.wake(versionId, later);
    return client.sync(versionId, later);
  });
}

function isIn({ events, state }: Watch, { reading, patches, headHash, hot, applyMs }: Stored, at: number): void {
  state.reached = { state: "synced" };
  state.unsettled = undefined;
  state.notIn = undefined;
  state.sent = reading.snapshot;
  if (!patches) return;
  events.isIn({ patches, hot, milliseconds: Date.now() - at, applyMilliseconds: applyMs, headHash });
}
