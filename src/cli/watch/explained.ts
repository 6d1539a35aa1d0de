import { setTimeout as delay } from "node:timers/promises";
import type { DevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import type { Reached } from "./watch.ts";

/** An answer that takes longer is explained, in milliseconds. */
const silentMs = 3_000;

export interface Explaining {
  readonly client: DevelopmentVersions;
  readonly versionId: string;
  /** Aborts once the folder holds something else. */
  readonly later: AbortSignal;
  /** Told what the answer waits for, as far as the API service knows. */
  readonly onWait: (reached: Reached) => void;
}

/** Asks, and while the answer takes long, says what it waits for: an installation, predictions under way, a pod that starts. */
export async function explained<T>(
  { client, versionId, later, onWait }: Explaining,
  ask: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, later]);
  const explaining = (async () => {
    for (;;) {
      await delay(silentMs, undefined, { signal });
      const status = await client.status(versionId, signal);
      if (status.state !== "synced" && !signal.aborted) onWait(status);
    }
    // It only explains: the answer itself tells what is wrong.
  })().catch(() => {});
  try {
    return await ask();
  } finally {
    over.abort();
    await explaining;
  }
}
