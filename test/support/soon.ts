import { setTimeout as delay } from "node:timers/promises";

/** How long something may take, and how often it is looked at. Milliseconds. */
export interface Soon {
  readonly within: number;
  /** @default 250 */
  readonly every?: number;
}

/** Once `check` holds; else what it last threw. */
export async function soon(check: () => Promise<void>, { within, every = 250 }: Soon): Promise<void> {
  const until = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await delay(every);
    }
  }
}
