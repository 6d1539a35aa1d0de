import { InvalidArgumentError } from "commander";
import { refuse } from "./refusals.ts";

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const written = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/** What every option that takes a time says about it. */
export const timeHelp = "30m, 24h or 7d ago, or a time such as 2026-11-21T08:00Z (without a zone: the terminal's)";

/**
 * A time as its user writes it: so long ago, or in ISO 8601 with `Z` or an offset. Without either it is a time of the
 * terminal's zone (`TZ`), a day its first moment there, and `echo` gets a line that says which moment that is.
 *
 * @param option - such as `--since`
 * @throws OperatorError for what is no time.
 */
export function timeArgument(
  option: string,
  text: string,
  now: Date,
  echo: (line: string) => void = console.error,
): Date {
  const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return new Date(now.getTime() - Number(amount) * (units[unit] ?? 0));
  const [, year, month, day, clock = "00:00", zone] = written.exec(text) ?? [];
  const time = new Date(`${year}-${month}-${day}T${clock}${zone ?? ""}`);
  // A 30th of February would be taken for a day in March.
  const isDay = new Date(`${year}-${month}-${day}T00:00Z`).getUTCDate() === Number(day);
  if (year === undefined || Number.isNaN(time.getTime()) || !isDay) {
    throw refuse("time.unreadable", { option, text });
  }
  if (zone === undefined) {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    echo(`${option} ${text} is ${time.toISOString()} (${timeZone}, the terminal's zone); add Z for UTC`);
  }
  return time;
}

/** A length of time, as its user writes it. */
export interface Duration {
  readonly milliseconds: number;
  readonly text: string;
}

/** Reads an option's length of time. */
export function durationArgument(text: string): Duration {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) throw new InvalidArgumentError("give a time such as 30m or 2h.");
  return { milliseconds: Number(amount) * (units[unit] ?? 0), text };
}
