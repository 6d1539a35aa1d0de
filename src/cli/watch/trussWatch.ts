import type { DevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import { headOfStatus } from "../../adapters/api/pushTruss.ts";
import { answering } from "../../adapters/api/syncUntilAnswering.ts";
import { watchFolders } from "../../adapters/truss/folderEvents.ts";
import { isSame, readSettled } from "../../adapters/truss/settledTruss.ts";
import type { TrussReading } from "../../adapters/truss/snapshot.ts";
import type { DevelopmentStatus } from "../../domain/development/contract.ts";
import { OperatorError } from "../../domain/errors.ts";
import { hashSnapshot } from "../../domain/truss/hash.ts";
import { refuse } from "../refusals.ts";
import { bringIn } from "./bringIn.ts";
import type { WatchEvents } from "./events.ts";
import { flag } from "./flag.ts";
import type { Watch } from "./watch.ts";

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

/** Changes that no event tells of, such as behind symlinks, are found by looking. In milliseconds, and by the time that a look takes. */
const sweepMs = 2_000;
const sweepShare = 50;

/** How long a watch waits for a service that is not there when it begins, as while its pods are replaced; milliseconds. */
const beginsWithinMs = 15_000;

/**
 * Keeps a development version at what a folder holds: after each save the folder is read once, compared with the head,
 * patched, and synced until the new code answers. A later save takes the place of one that is on its way. Only the folder's own
 * changes are sent, so watchers of several folders do not answer each other; the last save wins.
 *
 * @throws OperatorError when the watch is stopped while what is saved is not in, with the reason.
 */
export async function watchTruss(options: TrussWatchOptions): Promise<void> {
  const { folder, events, stop } = options;
  const saved = flag();
  stop.addEventListener("abort", () => saved.raise(), { once: true });
  const watching = watchFolders(folder, () => saved.raise(), events.slow);
  const status = await firstStatus(options);
  const head = headOfStatus(status);
  // A version that is stopped, or starts by itself, is left to that.
  const reached = ["behind", "recreate"].includes(status.state) ? status : { state: "synced" as const };
  const unknown = { sent: undefined, last: undefined, unsettled: undefined, notIn: undefined };
  const watch: Watch = { ...options, cache: new Map(), saved, state: { head, reached, ...unknown } };
  const { state } = watch;
  try {
    for (let isFirst = true; ; isFirst = false) {
      // What was saved before the stop is read once more after it.
      const isLast = stop.aborted;
      const begun = Date.now();
      const noticed = saved.lower() ?? begun;
      const reading = await readOrTell(watch, isFirst);
      const took = Date.now() - begun;
      if (watching.follow(reading?.snapshot)) saved.raise();
      const isOther = reading && isFirst && hashSnapshot(reading.snapshot, reading.patterns) !== head.hash;
      if (isOther) await events.mayReplace(head);
      if (isFirst) events.ready(head);
      if (reading && !isSame(state.sent, reading.snapshot)) {
        // Another try of the same content is timed from its save on.
        if (!state.last || !isSame(state.last.reading.snapshot, reading.snapshot))
          state.last = { reading, at: noticed };
        await bringIn(watch, { reading, at: state.last.at });
      }
      if (isLast) return farewell(watch);
      await saved.raised(Math.max(sweepMs, took * sweepShare));
    }
  } finally {
    watching.close();
  }
}

function firstStatus({ client, versionId, stop }: TrussWatchOptions): Promise<DevelopmentStatus> {
  const asked = answering(() => client.status(versionId), Date.now() + beginsWithinMs, stop);
  return asked.catch((error: unknown) => {
    throw stop.aborted ? refuse("watch.ended-early", { notIn: "the API service did not answer" }) : error;
  });
}

function farewell({ state: { notIn } }: Watch): void {
  if (notIn !== undefined) throw refuse("watch.ended-early", { notIn });
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
