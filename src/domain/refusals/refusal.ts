import { OperatorError } from "../errors.ts";
import { type RefusalId, refusals, type ValuesOf } from "./table.ts";

/**
 * Why something is refused, by an entry of the table. Rules answer these and no text of their own: a sentence that is not in the table
 * does not compile.
 */
class Refusal {
  readonly id: RefusalId;
  /** What it is about, such as `menagerie:zoo.iris.phase`; null where it is no single key. */
  readonly key: string | null;
  /** The whole sentence: key, what is wrong, what to change. */
  readonly message: string;
  /** What to change; null where the sentence is that already. */
  readonly fix: string | null;
  /** Makes the type nominal: no literal is one. */
  readonly #made = true;

  constructor(id: RefusalId, key: string | null, says: string, fix: string) {
    this.id = id;
    this.key = key;
    this.message = `${key === null ? "" : `${key}: `}${says}${fix === "" ? "" : `; ${fix}`}`;
    this.fix = fix === "" ? null : fix;
  }

  toString(): string {
    return this.#made ? this.message : "";
  }
}

export type { Refusal };

/** The refusal `id` with its values. Without a fix where that is empty. */
export function refusal<Id extends RefusalId>(
  id: Id,
  key: string | null,
  ...[values]: ValuesOf<Id> extends Record<string, never> ? [] : [values: ValuesOf<Id>]
): Refusal {
  const { says, fix }: { readonly says: string; readonly fix: string } = refusals[id];
  const fill = (template: string): string =>
    template.replaceAll(/\{([A-Za-z]+)\}/g, (_, name: string) =>
      String((values as Record<string, unknown> | undefined)?.[name] ?? ""),
    );
  return new Refusal(id, key, fill(says), fill(fix));
}

/** The same about a key that only the caller knows. */
export function about(key: string, { id, message, fix }: Refusal): Refusal {
  const says = fix === null ? message : message.slice(0, -`; ${fix}`.length);
  return new Refusal(id, key, says, fix ?? "");
}

/**
 * One error for all of them, a line each.
 *
 * @param exitCode - 2: what was given has to change; 3: it has to wait.
 */
export function refused(list: Refusal | readonly Refusal[], cause?: unknown, exitCode: 2 | 3 = 2): RefusedError {
  return new RefusedError(list instanceof Refusal ? [list] : list, { cause, exitCode });
}

/** An operator's mistake, as refusals of the table. */
export class RefusedError extends OperatorError {
  readonly refusals: readonly Refusal[];

  constructor(list: readonly Refusal[], options: { readonly cause?: unknown; readonly exitCode: 2 | 3 }) {
    super(list.map(({ message }) => message).join("\n"), options);
    this.refusals = list;
  }
}

/** What is wrong, and after the first semicolon outside quotes what to change. */
const halves = /^((?:"(?:[^"\\]|\\.)*"|[^";])*); (.*)$/s;

/** A clause of another part of the platform in its two halves. */
export function halvesOf(clause: string): { readonly problem: string; readonly fix: string } {
  const [, problem = clause, fix = ""] = halves.exec(clause) ?? [];
  return { problem, fix };
}

/** What an operator's mistake refuses; anything else is a defect and goes on. `other`: the entry for what has none of its own. */
export function refusalsOf(error: unknown, other: "truss.wrong" | "state.files" = "truss.wrong"): readonly Refusal[] {
  if (error instanceof RefusedError) return error.refusals;
  if (!(error instanceof OperatorError)) throw error;
  return error.message.split("\n").map((line) => refusal(other, null, halvesOf(line)));
}
