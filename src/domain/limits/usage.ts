import type { UsageClaim } from "./claim.ts";
import type { LimitAdjustment } from "./limiter.ts";
import { isOfTokens } from "./limits.ts";

/** Whose a request is. */
export interface UsageOf {
  /** Id of the organization whose model or app was asked. */
  readonly organization: string;
  /** Id of the app; `0` for a model that was asked itself. */
  readonly app: string;
  /** Name of the model that answers. */
  readonly model: string;
  /** UTC day by the database's clock, such as `2026-11-21`. */
  readonly day: string;
}

/** Tokens of one request and its answer. */
export interface TokenCount {
  readonly in: number;
  readonly out: number;
}

/** Usage of one model or app of an organization, on one day or over all days that were asked for. */
export interface UsageRow {
  readonly organization: string;
  /** Id of the app; null for a model that was asked itself. */
  readonly app: string | null;
  /** Its name; null where it was deleted whole. */
  readonly appName: string | null;
  readonly model: string;
  /** UTC, such as `2026-11-21`. */
  readonly day: string;
  readonly requests: number;
  readonly tokensIn: number;
  readonly tokensOut: number;
}

/** What one organization used over all days that were asked for. */
export interface OrganizationUsage extends Pick<UsageRow, "requests" | "tokensIn" | "tokensOut"> {
  readonly name: string;
  /** Requests by UTC day, such as `2026-11-21`; without days that had none. */
  readonly days: Readonly<Record<string, number>>;
}

/** What a process tells the database at once; `store_usage` reads it. */
export interface UsageBatch {
  readonly counts: readonly (UsageOf & TokenCount & { readonly requests: number })[];
  readonly claims: readonly (UsageOf & TokenCount & { readonly id: string; readonly requests: number })[];
  /** `claim` is the id of the claim that it belongs to: without it, it is not made. */
  readonly adjustments: readonly (LimitAdjustment & { readonly claim?: string })[];
}

/** Counts usage until it is taken, to be stored. */
export class UsageCounts {
  #counts = new Map<string, UsageOf & { requests: number; in: number; out: number }>();
  #claims = new Map<string, UsageBatch["claims"][number]>();
  #adjustments: UsageBatch["adjustments"][number][] = [];

  /** A request that was let in. */
  request(of: UsageOf): void {
    this.#countOf(of).requests += 1;
  }

  /** Tokens of a request that was counted before. */
  tokens(of: UsageOf, tokens: TokenCount): void {
    const count = this.#countOf(of);
    count.in += tokens.in;
    count.out += tokens.out;
  }

  /**
   * What a recorder tells of a claim.
   *
   * @param tokens - undefined where the answer told of none: what was reserved stays as used
   */
  claim({ id, reserved, organization, app, model, day }: UsageClaim, tokens: TokenCount | undefined): void {
    // The same again, in one batch.
    if (!tokens || this.#claims.has(id)) return;
    this.#claims.set(id, { id, organization, app, model, day, requests: 0, ...tokens });
    for (const { subject, kind, since, amount } of reserved) {
      const more = tokens.in + tokens.out - amount;
      if (isOfTokens(kind) && more !== 0) this.#adjustments.push({ claim: id, subject, kind, since, amount: more });
    }
  }

  /** Takes what was counted; undefined where nothing was, and nothing is to be adjusted. */
  take(adjustments: readonly LimitAdjustment[]): UsageBatch | undefined {
    const batch = {
      counts: [...this.#counts.values()],
      claims: [...this.#claims.values()],
      adjustments: [...this.#adjustments, ...adjustments],
    };
    this.#counts = new Map();
    this.#claims = new Map();
    this.#adjustments = [];
    const isEmpty = batch.counts.length === 0 && batch.claims.length === 0 && batch.adjustments.length === 0;
    return isEmpty ? undefined : batch;
  }

  #countOf(of: UsageOf): { requests: number; in: number; out: number } {
    const name = `${of.day} ${of.organization} ${of.app} ${of.model}`;
    const known = this.#counts.get(name);
    if (known) return known;
    const { organization, app, model, day } = of;
    const count = { organization, app, model, day, requests: 0, in: 0, out: 0 };
    this.#counts.set(name, count);
    return count;
  }
}
