import { InvalidArgumentError, Option } from "commander";
import type { LimitChanges } from "../adapters/postgres/limits/databaseLimits.ts";
import { type LimitKind, type Limits, largestLimit, limitKinds } from "../domain/limits/limits.ts";

const options: Readonly<Record<LimitKind, readonly [flag: string, what: string]>> = {
  requestsPerMinute: ["--requests-per-minute", "requests per minute"],
  tokensPerMinute: ["--tokens-per-minute", "tokens per minute, in and out"],
  tokensPerDay: ["--tokens-per-day", "tokens per UTC day, in and out"],
};

/** Limits as options give them. */
export type LimitOptions = Readonly<Partial<Record<LimitKind, number | typeof noLimit>>>;

const noLimit = "none";

/** `--requests-per-minute N` and the others. */
export function limitOption(kind: LimitKind): Option {
  const [flag, what] = options[kind];
  return new Option(`${flag} <number>`, `${what}; \`none\` for no limit`).argParser((text) => {
    const value = Number(text);
    if (text === noLimit) return noLimit;
    if (/^[1-9]\d*$/.test(text) && value <= largestLimit) return value;
    throw new InvalidArgumentError(`give a whole number from 1 to ${largestLimit}, or none.`);
  });
}

/** Those that were given. */
export function limitChanges(given: LimitOptions): LimitChanges {
  return Object.fromEntries(
    limitKinds.flatMap((kind) => {
      const limit = given[kind];
      return limit === undefined ? [] : [[kind, limit === noLimit ? null : limit]];
    }),
  );
}

/** Limits of something that is made: `none` is the same as nothing. */
export function newLimits(given: LimitOptions): Limits {
  return Object.fromEntries(
    limitKinds.flatMap((kind) => (typeof given[kind] === "number" ? [[kind, given[kind]]] : [])),
  );
}
