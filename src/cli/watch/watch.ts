import type { DevelopmentVersions } from "../../adapters/api/developmentVersions.ts";
import type { Head } from "../../adapters/api/pushTruss.ts";
import type { TrussReading } from "../../adapters/truss/snapshot.ts";
import type { DevelopmentStatus } from "../../domain/development/contract.ts";
import type { PatchOperation } from "../../domain/patch/operation.ts";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";
import type { WatchEvents } from "./events.ts";
import type { Watched } from "./unlessSaved.ts";

/** How far the version's container got. */
export type Reached = Pick<DevelopmentStatus, "state" | "because">;

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
