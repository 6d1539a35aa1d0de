import { setTimeout as delay } from "node:timers/promises";
import { headOfStatus } from "../../adapters/api/pushTruss.ts";
import type { TrussReading } from "../../adapters/truss/snapshot.ts";
import { configFilename } from "../../domain/truss/config.ts";
import type { Watch } from "./watch.ts";

/** How long a folder must rest before a full deployment is offered, in milliseconds: a checkout changes it for a second or two. */
const restMs = 2_000;

/** Offers a full deployment, once the folder rests. */
export async function offerDeployment(
  watch: Watch,
  reading: TrussReading,
  reasons: readonly string[],
  later: AbortSignal,
): Promise<void> {
  const { client, versionId, events, state, stop } = watch;
  state.notIn = reasons.join("; ");
  if (!reading.snapshot.entries.has(configFilename)) {
    // It could not be deployed either, so nothing is offered: the file comes back with a later save.
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
