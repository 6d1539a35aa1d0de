import type { OperatorError } from "../domain/errors.ts";
import { type Refusal, refused, retold } from "../domain/refusals/refusal.ts";
import type { Place } from "./yamlPlaces.ts";

/** One mistake of a stack file. All of it but `refusal` is what `menagerie validate --json` prints. */
export interface Issue {
  readonly refusal: Refusal;
  /** Which entry of the table of refusals it is; it stays the same whatever the sentence says. */
  readonly id: string;
  /** The file as its reader would open it. */
  readonly file: string;
  /** Counted from 1; of the key, or of the nearest one above it that is there. Null where it is the file as a whole. */
  readonly line: number | null;
  readonly column: number | null;
  /** As sentences name it, such as `menagerie:zoo.iris.phase`; null where it is the file as a whole. */
  readonly key: string | null;
  /** The value as JSON; null for mappings and lists, for what is missing, and for whatever may be a secret. */
  readonly value: string | null;
  /** The whole sentence: key, value and what to change. */
  readonly message: string;
  /** Its part that says what to change; null where there is one way only, such as a suggestion that is the sentence. */
  readonly fix: string | null;
  /** Why it cannot be, as in the reference of refusals. */
  readonly cause: string;
}

/** Keys whose values no output shows, wherever they are written. */
const secretKeys = /^(?!menagerie:)|^menagerie:(secrets|databasePassword|migrationTarget|prometheus\.bearerToken)\b/;

/** What is refused, as a mistake in `file`, where `placeOf` finds its key. */
export function issueOf(
  file: string,
  refusal: Refusal,
  placeOf: (key: string) => { readonly place: Place; readonly value?: string | undefined } | undefined,
): Issue {
  const { id, key, message, fix, cause } = refusal;
  const found = key === null ? undefined : placeOf(key);
  const isSecret = key === null || secretKeys.test(key) || id === "secret.in-the-clear";
  return {
    refusal,
    id,
    file,
    line: found?.place.line ?? null,
    column: found?.place.column ?? null,
    key,
    value: isSecret ? null : (found?.value ?? null),
    message,
    fix,
    cause,
  };
}

/** In the order of the file; what concerns the whole file comes first. */
export function byPlace(a: Issue, b: Issue): number {
  const files = a.file < b.file ? -1 : a.file > b.file ? 1 : 0;
  return files || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** A line of a terminal, which editors and terminals make a link of. */
export function issueLine({ file, line, column, message }: Issue): string {
  return line === null ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`;
}

/** One error with a line for each mistake. */
export function issuesError(issues: readonly Issue[]): OperatorError {
  return refused(issues.map((issue) => retold(issue.refusal, issueLine(issue))));
}
