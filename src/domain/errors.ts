/**
 * Why something is refused, by an entry of a table. Rules answer these and no text of their own: a sentence that is in no table does
 * not compile. Abstract, so that only `refusals/refusal.ts` makes one.
 */
export abstract class Refusal {
  readonly id: string;
  /** What it is about, such as `menagerie:zoo.iris.phase`; null where it is about several, or about none. */
  readonly key: string | null;
  /** What is wrong, without the key and what to change. */
  readonly problem: string;
  /** The whole sentence: key, what is wrong, what to change. */
  readonly message: string;
  /** What to change; null where the sentence is that already. */
  readonly fix: string | null;
  /** Why it cannot be: the entry's. */
  readonly cause: string;
  readonly exitCode: 1 | 2 | 3;
  /** Makes the type nominal: no literal is one. */
  readonly #made = true;

  protected constructor({ id, key, problem, message, fix, cause, exitCode }: RefusalParts) {
    this.id = id;
    this.key = key;
    this.problem = problem;
    this.message = message;
    this.fix = fix;
    this.cause = cause;
    this.exitCode = exitCode;
  }

  toString(): string {
    return this.#made ? this.message : "";
  }
}

export type RefusalParts = Pick<Refusal, "id" | "key" | "problem" | "message" | "fix" | "cause" | "exitCode">;

/**
 * A mistake that its operator can mend: a short sentence for each thing that is refused, which names the key, the value and what to
 * change. The sentences stand in tables beside the code (src/refusals/tables.ts lists them), so that one without an id does not
 * compile. The CLI prints the sentences alone, without a stack trace; everything else that is thrown is a defect of ours.
 */
export class OperatorError extends Error {
  override readonly name = "OperatorError";
  readonly refusals: readonly Refusal[];
  /** Process exit code: 1 failed, 2 bad input, 3 gate not met. */
  readonly exitCode: 1 | 2 | 3;

  /** @param options.exitCode - where it is not that of the refusals' entries. */
  constructor(refusals: Refusal | readonly Refusal[], options: { exitCode?: 1 | 2 | 3; cause?: unknown } = {}) {
    const list = "id" in refusals ? [refusals] : refusals;
    const message = list.map((refusal) => refusal.message).join("\n");
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.refusals = list;
    this.exitCode = options.exitCode ?? together(list);
  }
}

/** What failed is not mended by other input alone, and input is changed before a gate is looked at again. */
function together(list: readonly Refusal[]): 1 | 2 | 3 {
  const codes = new Set(list.map(({ exitCode }) => exitCode));
  return codes.has(1) ? 1 : codes.has(2) || codes.size === 0 ? 2 : 3;
}

/** The message of whatever was thrown, for use inside a longer sentence. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
