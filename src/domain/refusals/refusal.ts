import { messageOf, OperatorError, Refusal, type RefusalParts } from "../errors.ts";
import { type Clause, sentenceOf } from "./clause.ts";
import type { RefusalEntry, RefusalTable, ValuesOf } from "./entry.ts";
import { refusals } from "./table.ts";

export type { Refusal };

class RefusalOfTable extends Refusal {
  // The inherited one is protected.
  constructor(parts: RefusalParts) {
    super(parts);
  }
}

type Values<Entry extends RefusalEntry, After extends unknown[] = []> =
  ValuesOf<Entry> extends Record<string, never> ? [values?: undefined, ...After] : [values: ValuesOf<Entry>, ...After];

/** What makes the refusals of one table: `refusal(id, key, values)`. A refusal has no fix where that is empty. */
export function refusalsOfTable<const Table extends RefusalTable>(table: Table) {
  return <Id extends keyof Table & string>(id: Id, key: string | null, ...[values]: Values<Table[Id]>): Refusal => {
    const entry = table[id] as RefusalEntry;
    const { says, fix, cause } = entry;
    const fill = (template: string): string =>
      template.replaceAll(/\{([A-Za-z]+)\}/g, (_, name: string) =>
        String((values as Record<string, unknown> | undefined)?.[name] ?? ""),
      );
    const change = fill(fix);
    const problem = fill(says);
    const sentence = sentenceOf({ problem, fix: change });
    const message = key === null ? sentence : `${key}: ${sentence}`;
    return new RefusalOfTable({ id, key, problem, message, fix: change || null, cause, exitCode: entry.exit ?? 2 });
  };
}

/** What makes errors of one table, each with one refusal: `throw refuse(id, values, cause)`. */
export function errorsOfTable<const Table extends RefusalTable>(table: Table) {
  const refusal = refusalsOfTable<RefusalTable>(table);
  return <Id extends keyof Table & string>(
    id: Id,
    ...[values, cause]: Values<Table[Id], [cause?: unknown]>
  ): OperatorError => new OperatorError(refusal(id, null, values as never), { cause });
}

/** A refusal of a stack's config and of what it leads to. */
export const refusal = refusalsOfTable(refusals);

/** The same about a key that only the caller knows. */
export function about(key: string, refusal: Refusal): Refusal {
  return new RefusalOfTable({ ...refusal, key, message: `${key}: ${refusal.message}` });
}

/** The same with its place in a file, or with what an environment's own command is. */
export function retold(refusal: Refusal, message: string): Refusal {
  return new RefusalOfTable({ ...refusal, message });
}

/**
 * One error for all of them, a line each.
 *
 * @param exitCode - 3 where what is refused has only to wait. Default: that of the refusals.
 */
export function refused(list: Refusal | readonly Refusal[], cause?: unknown, exitCode?: 3): OperatorError {
  return new OperatorError(list, { cause, ...(exitCode && { exitCode }) });
}

/** What was thrown, in its two halves: those of the one thing that it refuses, or its message alone. */
export function clauseOf(thrown: unknown): Clause {
  const [refusal, ...others] = thrown instanceof OperatorError ? thrown.refusals : [];
  if (!refusal || others.length > 0) return { problem: messageOf(thrown), fix: "" };
  const { key, problem, fix } = refusal;
  return { problem: key === null ? problem : `${key}: ${problem}`, fix: fix ?? "" };
}

/** What an operator's mistake refuses; anything else is a defect and goes on. */
export function refusalsOf(error: unknown): readonly Refusal[] {
  if (!(error instanceof OperatorError)) throw error;
  return error.refusals;
}
