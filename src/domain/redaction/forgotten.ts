import { readExactJson } from "../shadow/exactJson.ts";
import { isJsonNumber, isSameNumber, type JsonNumber } from "../shadow/exactNumber.ts";
import type { FieldPath } from "../shadow/fieldPath.ts";
import type { Pseudonyms } from "./pseudonyms.ts";
import type { Redactor } from "./redactor.ts";

/** A value that is looked for at a place in recorded bodies: as it is, as its pseudonym, and with pseudonyms of what rules name in it. */
export interface WantedValue {
  readonly path: FieldPath;
  readonly texts: readonly string[];
  readonly numbers: readonly JsonNumber[];
  /** True and false, which have no pseudonym that tells them apart. */
  readonly flag: boolean | undefined;
  /** The pseudonym of the text, which may stand in a longer text that a pattern redacted. */
  readonly pseudonym: string | undefined;
}

/** How a recording's values are stored: as pseudonyms under its key, where its rules say so. */
export interface StoredAs {
  readonly pseudonyms: Pseudonyms;
  readonly redactor: Pick<Redactor, "text">;
}

/** @param storedAs - undefined where the key of pseudonyms is not known: the value is looked for as it is */
export function wantedValue(path: FieldPath, text: string, storedAs: StoredAs | undefined): WantedValue {
  const read = readExactJson(text);
  const value = "value" in read ? read.value : undefined;
  const pseudonym = storedAs?.pseudonyms.ofText(text);
  // Rules may name a part of it.
  const texts = storedAs && pseudonym !== undefined ? [text, pseudonym, storedAs.redactor.text(text)] : [text];
  return {
    path,
    texts: [...new Set(texts)],
    numbers: isJsonNumber(value) ? [value, ...(storedAs ? [storedAs.pseudonyms.ofNumber(value)] : [])] : [],
    flag: typeof value === "boolean" ? value : undefined,
    pseudonym,
  };
}

/** Whether a body has the value at the place; a list on the way stands for each of its entries, as for PostgreSQL. */
export function holdsValue(body: unknown, wanted: WantedValue, path: FieldPath = wanted.path): boolean {
  const [step, ...rest] = path;
  if (step === undefined) return isWanted(body, wanted);
  if (Array.isArray(body)) {
    if (step === "*") return body.some((each) => holdsValue(each, wanted, rest));
    if (/^\d+$/.test(step)) return holdsValue(body[Number(step)], wanted, rest);
    return body.some((each) => holdsValue(each, wanted, path));
  }
  if (typeof body !== "object" || body === null || !Object.hasOwn(body, step)) return false;
  return holdsValue((body as Record<string, unknown>)[step], wanted, rest);
}

function isWanted(value: unknown, wanted: WantedValue): boolean {
  const { texts, numbers, flag, pseudonym } = wanted;
  if (Array.isArray(value)) return value.some((each) => isWanted(each, wanted));
  if (typeof value === "string") return texts.includes(value) || (pseudonym !== undefined && value.includes(pseudonym));
  if (isJsonNumber(value)) return numbers.some((each) => isSameNumber(each, value));
  return flag !== undefined && value === flag;
}

/** The same for PostgreSQL (https://www.postgresql.org/docs/current/functions-json.html): a path, and the variables that it names. */
export function jsonPathOf({ path, texts, numbers, flag, pseudonym }: WantedValue): {
  path: string;
  variables: string;
} {
  const steps = path.map((step) => (step === "*" || /^\d+$/.test(step) ? `[${step}]` : `.${JSON.stringify(step)}`));
  const values = [...texts, ...numbers, ...(flag === undefined ? [] : [flag])];
  const tests = values.map((_, index) => `@ == $v${index}`);
  // A pseudonym has no character that a quoted text escapes.
  if (pseudonym !== undefined) tests.push(`@ like_regex "${pseudonym}" flag "q"`);
  return {
    path: `lax $${steps.join("")} ? (${tests.join(" || ")})`,
    variables: JSON.stringify(Object.fromEntries(values.map((value, index) => [`v${index}`, value]))),
  };
}
