import type { Head } from "../../adapters/api/pushTruss.ts";
import type { ChangeIn } from "../../domain/development/changeLine.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";

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
  waiting(what: string, reason: string): void;
  /** The folder cannot be sent as it is, such as for a syntax error in config.yaml; the next save may mend it. */
  wrong(reason: string): void;
  /** Saves are noticed later than they could be; told once. */
  slow(reason: string): void;
  /** Patches cannot do it. Answers whether it was deployed in full. The question goes when a save takes its reason away. */
  needsDeployment(reasons: readonly string[], later: AbortSignal): Promise<boolean>;
}

export type Tell = WatchEvents["waiting"];

/** Tells each reason once. */
export function told(events: WatchEvents): Tell {
  let last = "";
  return (what, reason) => {
    if (reason !== last) events.waiting(what, reason);
    last = reason;
  };
}
