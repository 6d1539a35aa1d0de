/** Values that are found by what they look like, wherever they stand. */
export const valueKinds = ["email", "card", "phone", "iban"] as const;
export type ValueKind = (typeof valueKinds)[number];

/** What is replaced by a pseudonym before anything of a prediction is stored. Exactly one key is set. */
export interface RedactionRule {
  /** A place in requests and answers that are JSON, as `domain/shadow/fieldPath` reads it: the whole value there, and everything in it. */
  readonly path?: string | undefined;
  /** A regular expression in RE2's syntax, case-sensitive: whatever it matches in texts, keys, query values, headers. */
  readonly pattern?: string | undefined;
  /** Values of a kind, in the same places. */
  readonly kind?: ValueKind | undefined;
  /** Name of a query parameter: its whole value. */
  readonly query?: string | undefined;
  /** Name of a request header that is stored, in lower case: its whole value. */
  readonly header?: string | undefined;
}

/** Rules of one model; without any, nothing of it is redacted. */
export type RedactionRules = readonly RedactionRule[];

/** Keys of a rule, of which it has one. */
export const ruleKeys = ["path", "pattern", "kind", "query", "header"] as const;
