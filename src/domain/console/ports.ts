import type { Viewer } from "../access/roles.ts";
import type { PoolUse } from "../capacity/poolUse.ts";
import type { PatchPlace, ShownDevelopment, ShownPatch, WholePatch } from "../development/history.ts";
import type { EvidenceLook } from "../judgement/evidenceLooks.ts";
import type { Limits } from "../limits/limits.ts";
import type { OrganizationUsage, UsageRow } from "../limits/usage.ts";
import type { ChangingRange, RestorableDeployment } from "../release/record.ts";
import type { ComparisonResult } from "../shadow/comparisonResult.ts";
import type { Conversation } from "../shadow/conversation/conversation.ts";
import type { DeployedShadow } from "../shadow/deployed.ts";
import type { LastMinute } from "../traffic/lastMinute.ts";
import type { ShownStanding } from "../zoo/shownStanding.ts";
import type { ActivityRow } from "./activity.ts";
import type { AppMove } from "./appMoves.ts";
import type { ShownApp } from "./appsPage.ts";
import type { ServedState } from "./cards.ts";

/** What a stack tells outside of its database. Each fails where it cannot be asked. */
export interface StackReads {
  /** What its cluster serves. */
  served(): Promise<readonly ServedState[]>;
  /** The GPUs of its pools. */
  pools(): Promise<readonly PoolUse[]>;
  /** Its shadow deployments by name, as its last `up` left them. */
  shadows(): Promise<Readonly<Record<string, DeployedShadow>>>;
}

/** What pages are made from. Commands read the same, by the same functions. */
export interface ConsoleReads extends StackReads {
  /** Where models stand: all of them, or the one called `name`. */
  standings(name?: string): Promise<readonly ShownStanding[]>;
  /** What a judgement knew over time, in order of time. */
  looks(judgementId: string): Promise<readonly EvidenceLook[]>;
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
  /** The app with an id, with how its pointer came where it is; undefined where the organization has none. */
  app(question: {
    readonly id: string;
    readonly organizationId?: string | undefined;
  }): Promise<{ readonly app: ShownApp; readonly moves: readonly AppMove[] } | undefined>;
  /** Usage by day, the latest first. */
  usage(question: UsagePageQuestion): Promise<readonly UsageRow[]>;
  /** What each organization used, the one with the most requests first; those that used nothing too. */
  organizationUsage(question: UsagePageQuestion): Promise<readonly OrganizationUsage[]>;
  /** What organizations may ask, by name. */
  limits(): Promise<readonly { readonly name: string; readonly limits: Limits }[]>;
  /** Deployments that were current, the latest first, without the models that all of an environment's have alike. */
  releases(limit: number): Promise<readonly ChangingRange[]>;
  /** The deployment with a number; undefined where the environment has none. */
  release(environment: string, id: string): Promise<RestorableDeployment | undefined>;
  /** Development versions, by model: all of them, or those of a model or with an id. */
  development(question: {
    readonly organizationId?: string | undefined;
    readonly called?: string | undefined;
  }): Promise<readonly ShownDevelopment[]>;
  /** Patches of a version, the latest first. */
  patches(
    versionId: string,
    question: { readonly limit: number; readonly before?: PatchPlace | undefined },
  ): Promise<readonly ShownPatch[]>;
  /** A patch with what it writes; undefined where there is none. */
  wholePatch(versionId: string, place: PatchPlace): Promise<WholePatch | undefined>;
  /**
   * What a shadow answered and its primary did, in a time.
   * @throws TooMuch where it takes longer than a page may
   */
  comparison(shadow: ShadowQuestion): Promise<ComparisonResult>;
  /** The same with the pairs that differ most, as conversations. @throws TooMuch */
  comparedPairs(shadow: ShadowQuestion): Promise<ComparedPairs>;
  /** Differs whenever something changed that a page shows, other than counts of requests. */
  mark(): Promise<string>;
}

/** Which part of the usage since a UTC day, such as `2026-11-21`. */
export interface UsagePageQuestion {
  readonly organizationId?: string | undefined;
  readonly since: string;
  readonly limit: number;
  readonly offset: number;
}

/** Which pairs are compared. */
export interface ShadowQuestion {
  readonly deployment: DeployedShadow;
  /** Name of one of its shadows. */
  readonly shadow: string;
  /** How long before now, in milliseconds; null for everything that is kept. */
  readonly withinMs: number | null;
}

export interface ComparedPairs {
  readonly result: ComparisonResult;
  readonly conversations: readonly Conversation[];
}

/** A question takes longer than a page may. */
export class TooMuch extends Error {
  override readonly name = "TooMuch";
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
  /** The same by the code of a link, which nobody else can use after it; undefined for one that is unknown, used or old. */
  enter(code: string, browser: string): Promise<string | undefined>;
  /** Whose a session is; undefined for one that is over. One that is used lasts for another 15 minutes. */
  viewer(proof: SessionProof, isUsed: boolean): Promise<Viewer | undefined>;
  end(proof: SessionProof): Promise<void>;
  /** Notes in the audit that a session sees bodies or code. False, and nothing is noted, where it may not. */
  noteBodies(proof: SessionProof, shown: Readonly<Record<string, string | number>>): Promise<boolean>;
}
