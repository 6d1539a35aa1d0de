import type { Refusal } from "./refusals/refusal.ts";

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
