import { isOfTokens, type Limited, type LimitKind, limitKinds } from "./limits.ts";
import { type Adjustment, type Grant, Meter } from "./meter.ts";
import { windowAt } from "./window.ts";

/** A question for a part of one limit. */
export interface Ask {
  readonly subject: string;
  readonly kind: LimitKind;
  readonly limit: number;
  /** Less than this is of no use. */
  readonly need: number;
  /** What those who wait would use at once. */
  readonly want: number;
}

export interface LimiterParts {
  /** Asks the database, in one statement; answers in the order of the questions. */
  readonly take: (asks: readonly Ask[]) => Promise<readonly Grant[]>;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** The database's clock as last known, in milliseconds since 1970. */
  readonly databaseTime: () => number;
  /** Told each time that the database does not answer. */
  readonly onAway: (error: unknown) => void;
}

/** What a request uses. */
export interface Use {
  /** Tokens to reserve; zero for what has none. */
  readonly tokens: number;
}

/** A part of a limit that was reserved in a window. */
export interface Reserved {
  readonly subject: string;
  readonly kind: LimitKind;
  readonly since: number;
  readonly amount: number;
}

/** How one limit stands. */
export interface LimitState {
  readonly subject: string;
  readonly kind: LimitKind;
  readonly limit: number;
  readonly remaining: number;
  /** Until its window ends, in milliseconds. */
  readonly resetMs: number;
}

export type Admission =
  | { readonly isAdmitted: true; readonly reserved: readonly Reserved[]; readonly states: readonly LimitState[] }
  | {
      readonly isAdmitted: false;
      /** The limits that are used up, or too small for this request. */
      readonly by: readonly (LimitState & { readonly needed: number })[];
      readonly states: readonly LimitState[];
    };

/** An adjustment of one limit, for the database. */
export interface LimitAdjustment extends Adjustment {
  readonly subject: string;
  readonly kind: LimitKind;
}

/** After the database did not answer, nobody asks it for so long, in milliseconds. */
const awayMs = 1_000;
/** Each time others were faster; a queue that is longer than this is not let in. */
const mostRounds = 100;

interface Part {
  readonly subject: string;
  readonly meter: Meter;
  /** The limit as who asks sees it; what holds is the meter's. */
  readonly seen: number;
  readonly amount: number;
}

/** Keeps one process to the limits that all processes share, see `Meter`. Somebody without limits is let in without a question. */
export class Limiter {
  readonly #parts: LimiterParts;
  readonly #meters = new Map<string, { readonly subject: string; readonly meter: Meter }>();
  readonly #asking = new Map<Meter, Promise<void>>();
  readonly #waiting = new Map<Meter, number>();
  #awayUntil = Number.NEGATIVE_INFINITY;

  constructor(parts: LimiterParts) {
    this.#parts = parts;
  }

  /** Lets a request in, for all of its limits or not at all. */
  async admit(limited: readonly Limited[], { tokens }: Use): Promise<Admission> {
    const parts = limited.flatMap((each) => this.#partsOf(each, tokens));
    for (let round = 0; round < mostRounds; round += 1) {
      const now = this.#parts.now();
      for (const { meter, seen } of parts) meter.at(now, seen);
      const tooSmall = parts.filter(({ amount, meter }) => amount > meter.limit);
      if (tooSmall.length > 0) return this.#refusal(parts, tooSmall, now);
      const lacking = parts.filter(({ meter, amount }) => meter.lacks(amount) > 0);
      if (lacking.length === 0) {
        for (const { meter, amount } of parts) meter.use(amount, now);
        return this.#admitted(parts, now);
      }
      const spent = lacking.filter(({ meter, amount }) => meter.isSpent(amount, now));
      if (spent.length > 0) return this.#refusal(parts, spent, now);
      if (now < this.#awayUntil) {
        const beyond = parts.filter(({ meter, amount }) => !meter.canLend(amount));
        if (beyond.length > 0) return this.#refusal(parts, beyond, now);
        for (const { meter, amount } of parts) meter.lend(amount, now);
        return this.#admitted(parts, now);
      }
      await this.#refill(lacking);
    }
    const now = this.#parts.now();
    return this.#refusal(parts, parts, now);
  }

  /** Something that was reserved took another number of tokens. */
  settle(reserved: readonly Reserved[], tokens: number): void {
    for (const { subject, kind, since, amount } of reserved) {
      if (isOfTokens(kind)) this.#meters.get(`${subject} ${kind}`)?.meter.settle(since, amount, tokens);
    }
  }

  /** What is to be told to the database; each is answered once. */
  adjustments(options: { readonly all?: boolean } = {}): LimitAdjustment[] {
    const now = this.#parts.now();
    const adjusted: LimitAdjustment[] = [];
    for (const [name, { subject, meter }] of this.#meters) {
      const adjustment = meter.adjust(now, options);
      if (adjustment) adjusted.push({ subject, kind: meter.kind, ...adjustment });
      else if (meter.isIdle(now) && !this.#asking.has(meter)) this.#meters.delete(name);
    }
    return adjusted;
  }

  #partsOf({ subject, limits }: Limited, tokens: number): Part[] {
    return limitKinds.flatMap((kind) => {
      const limit = limits[kind];
      const amount = isOfTokens(kind) ? tokens : 1;
      if (limit === undefined) return [];
      return [{ subject, meter: this.#meterOf(subject, kind, limit), seen: limit, amount }];
    });
  }

  #meterOf(subject: string, kind: LimitKind, limit: number): Meter {
    const name = `${subject} ${kind}`;
    const known = this.#meters.get(name);
    if (known) return known.meter;
    const { now, databaseTime } = this.#parts;
    const meter = new Meter(kind, limit, windowAt(kind, databaseTime(), now()));
    this.#meters.set(name, { subject, meter });
    return meter;
  }

  /** Asks for what is lacking, or waits for whoever asks already. */
  async #refill(lacking: readonly Part[]): Promise<void> {
    for (const { meter, amount } of lacking) this.#waiting.set(meter, (this.#waiting.get(meter) ?? 0) + amount);
    try {
      const unasked = lacking.filter(({ meter }) => !this.#asking.has(meter));
      const others = lacking.flatMap(({ meter }) => this.#asking.get(meter) ?? []);
      if (unasked.length > 0) {
        const asked = this.#ask(unasked).finally(() => {
          for (const { meter } of unasked) this.#asking.delete(meter);
        });
        for (const { meter } of unasked) this.#asking.set(meter, asked);
        others.push(asked);
      }
      await Promise.all(others);
    } finally {
      for (const { meter, amount } of lacking) {
        const left = (this.#waiting.get(meter) ?? 0) - amount;
        if (left > 0) this.#waiting.set(meter, left);
        else this.#waiting.delete(meter);
      }
    }
  }

  /** Never throws: without an answer the database is away for a moment. */
  async #ask(parts: readonly Part[]): Promise<void> {
    // Those who come in this moment are asked for too.
    await Promise.resolve();
    const at = this.#parts.now();
    const asks = parts.map(({ subject, meter, amount }) => ({
      subject,
      kind: meter.kind,
      limit: meter.limit,
      need: meter.lacks(amount),
      want: meter.lacks(this.#waiting.get(meter) ?? amount),
    }));
    try {
      const grants = await this.#parts.take(asks);
      const now = this.#parts.now();
      for (const [index, { meter }] of parts.entries()) {
        const [grant, ask] = [grants[index], asks[index]];
        if (grant && ask) meter.granted(grant, { limit: ask.limit, at }, now);
      }
    } catch (error) {
      this.#awayUntil = this.#parts.now() + awayMs;
      this.#parts.onAway(error);
    }
  }

  #admitted(parts: readonly Part[], now: number): Admission {
    const reserved = parts.map(({ subject, meter, amount }) => ({
      subject,
      kind: meter.kind,
      since: meter.window.since,
      amount,
    }));
    return { isAdmitted: true, reserved, states: statesOf(parts, now) };
  }

  #refusal(parts: readonly Part[], by: readonly Part[], now: number): Admission {
    const needed = by.map((part) => ({ ...stateOf(part, now), needed: part.amount }));
    return { isAdmitted: false, by: needed, states: statesOf(parts, now) };
  }
}

function statesOf(parts: readonly Part[], now: number): LimitState[] {
  return parts.map((part) => stateOf(part, now));
}

function stateOf({ subject, meter }: Part, now: number): LimitState {
  const { kind, limit, remaining, window } = meter;
  return { subject, kind, limit, remaining, resetMs: Math.max(0, window.endsAt - now) };
}
