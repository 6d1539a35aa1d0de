/**
 * A mistake that its operator can mend: one short sentence that names the key, the value and what to change.
 * The CLI prints the sentence alone, without a stack trace; everything else that is thrown is a defect of ours.
 */
export class OperatorError extends Error {
  override readonly name = "OperatorError";
  /** Process exit code: 1 failed, 2 bad input, 3 gate not met. */
  readonly exitCode: 1 | 2 | 3;

  constructor(message: string, options: { exitCode?: 1 | 2 | 3; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Bad input: a wrong flag, config value, file or id. Exit code 2. */
export function badInput(message: string, cause?: unknown): OperatorError {
  return new OperatorError(message, { exitCode: 2, cause });
}

/** The message of whatever was thrown, for use inside a longer sentence. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
