import type { Viewer } from "../access/roles.ts";
import type { PoolUse } from "../capacity/poolUse.ts";
import type { Limits } from "../limits/limits.ts";
import type { UsageRow } from "../limits/usage.ts";
import type { DeploymentRange } from "../release/record.ts";
import type { LastMinute } from "../traffic/lastMinute.ts";
import type { ShownStanding } from "../zoo/shownStanding.ts";
import type { ActivityRow } from "./activity.ts";
import type { ShownApp } from "./appsPage.ts";
import type { ServedState } from "./cards.ts";

/** What the cluster shows. Each fails where it cannot be asked. */
export interface ClusterReads {
  /** What it serves. */
  served(): Promise<readonly ServedState[]>;
  /** The GPUs of its pools. */
  pools(): Promise<readonly PoolUse[]>;
}

/** What pages are made from. Commands read the same, by the same functions. */
export interface ConsoleReads extends ClusterReads {
  /** Where models stand: all of them, or the one called `name`. */
  standings(name?: string): Promise<readonly ShownStanding[]>;
  minute(): Promise<LastMinute>;
  activity(question: {
    readonly limit: number;
    readonly before?: string | undefined;
    readonly model?: string | undefined;
  }): Promise<readonly ActivityRow[]>;
  /** Apps in the order they were made. */
  apps(question: {
    readonly organizationId?: string | undefined;
    readonly search?: string | undefined;
    readonly limit: number;
    readonly offset: number;
  }): Promise<readonly ShownApp[]>;
  /** Usage by day, the latest first. */
  usage(question: {
    readonly organizationId?: string | undefined;
    readonly since: string;
  }): Promise<readonly UsageRow[]>;
  /** What organizations may ask, by name. */
  limits(): Promise<readonly { readonly name: string; readonly limits: Limits }[]>;
  /** Deployments that were current, the latest first. */
  releases(limit: number): Promise<readonly DeploymentRange[]>;
  /** Differs whenever something changed that a page shows, other than counts of requests. */
  mark(): Promise<string>;
}

/** What opens a session: neither of the two opens it alone. */
export interface SessionProof {
  /** The cookie's value. */
  readonly id: string;
  /** Name of the browser that logged in, as it sends it with each request. */
  readonly browser: string;
}

/** The sessions of the console's users. What keeps them has a hash of each proof alone. */
export interface Sessions {
  /** Begins one for a whole key, and answers its id; undefined for a key that is unknown, revoked or has no role. */
  begin(key: string, browser: string): Promise<string | undefined>;
  /** Whose a session is; undefined for one that is over. One that is used lasts for another 15 minutes. */
  viewer(proof: SessionProof, isUsed: boolean): Promise<Viewer | undefined>;
  end(proof: SessionProof): Promise<void>;
}
