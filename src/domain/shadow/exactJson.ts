import { exactNumber, isExactAsDouble } from "./exactNumber.ts";

/** What a text holds, for a comparison: its value, or why it has none that could be compared. */
export type ReadJson =
  | { readonly value: unknown }
  /** The text is not JSON. */
  | { readonly notJson: true }
  /** One mapping has a key twice: readers disagree about which of the two values counts. */
  | { readonly repeatedKey: true }
  /** It is nested too deep, or one number has too many digits. */
  | { readonly beyondLimits: true };

/** Levels of lists and mappings, and characters of a number; as a recorder's JSON. */
const deepest = 1_000;
const longestNumber = 10_000;
/** Numbers that a double may not hold: long ones, and those with an exponent. */
const suspicious = /-?\d+(?:\.\d+)?[eE][+-]?\d+|-?\d[\d.]{15,}/g;
const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const space = /[ \t\n\r]*/y;
/** Beside JSON, what Python's `json` writes for floats that are no number. */
const words: readonly (readonly [string, unknown])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
];

/**
 * Reads JSON text of PostgreSQL's jsonb, whose keys are unique. The engine's own parser does it wherever each number is
 * one that doubles hold exactly.
 */
export function readJsonbText(text: string): ReadJson {
  for (const [token] of text.matchAll(suspicious)) {
    // A match inside of a string only costs the slower way.
    if (!isExactAsDouble(token)) return readExactJson(text);
  }
  return { value: JSON.parse(text) };
}

/** Reads JSON with NaN and infinities, numbers as they are written ({@link exactNumber}), and no key twice. */
export function readExactJson(text: string): ReadJson {
  try {
    return { value: new Reader(text).document() };
  } catch (error) {
    if (error instanceof Unreadable) return error.why;
    throw error;
  }
}

/** The document that begins at a place of a longer text, and where it ends; undefined where none does. */
export function readJsonAt(text: string, at: number): { readonly value: unknown; readonly end: number } | undefined {
  try {
    return new Reader(text, at).beginning();
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

class Unreadable extends Error {
  readonly why: ReadJson;

  constructor(why: ReadJson) {
    super();
    this.why = why;
  }
}

class Reader {
  readonly #text: string;
  #at: number;
  #depth = 0;
  /** Told only of text that is JSON otherwise. */
  #repeated = false;

  constructor(text: string, at = 0) {
    this.#text = text;
    this.#at = at;
  }

  beginning(): { readonly value: unknown; readonly end: number } {
    const value = this.#bare();
    if (this.#repeated) throw new Unreadable({ repeatedKey: true });
    return { value, end: this.#at };
  }

  document(): unknown {
    const value = this.#value();
    if (this.#at < this.#text.length) this.#refuse();
    if (this.#repeated) throw new Unreadable({ repeatedKey: true });
    return value;
  }

  #value(): unknown {
    this.#token(space);
    const value = this.#bare();
    this.#token(space);
    return value;
  }

  #bare(): unknown {
    switch (this.#text[this.#at]) {
      case "{":
        return this.#mapping();
      case "[":
        return this.#list();
      case '"':
        return this.#string();
      default: {
        for (const [word, value] of words) if (this.#take(word)) return value;
        const token = this.#token(numberToken) || this.#refuse();
        if (token.length > longestNumber) throw new Unreadable({ beyondLimits: true });
        return exactNumber(token);
      }
    }
  }

  #mapping(): Record<string, unknown> {
    const mapping: Record<string, unknown> = {};
    this.#entries("{", "}", () => {
      this.#token(space);
      const key = this.#string();
      this.#token(space);
      if (!this.#take(":")) this.#refuse();
      if (Object.hasOwn(mapping, key)) this.#repeated = true;
      // Assigned, a key called __proto__ would vanish.
      Object.defineProperty(mapping, key, {
        value: this.#value(),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    });
    return mapping;
  }

  #list(): unknown[] {
    const list: unknown[] = [];
    this.#entries("[", "]", () => list.push(this.#value()));
    return list;
  }

  #entries(open: string, close: string, entry: () => void): void {
    this.#depth += 1;
    if (this.#depth > deepest) throw new Unreadable({ beyondLimits: true });
    this.#take(open);
    this.#token(space);
    if (!this.#take(close)) {
      do entry();
      while (this.#take(","));
      if (!this.#take(close)) this.#refuse();
    }
    this.#depth -= 1;
  }

  /** By searching, not by a pattern: a string may hold megabytes. */
  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') this.#refuse();
    let end = start;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) this.#refuse();
    } while (this.#isEscaped(end));
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, this.#at));
    } catch {
      return this.#refuse();
    }
  }

  #isEscaped(at: number): boolean {
    let first = at;
    while (this.#text[first - 1] === "\\") first -= 1;
    return (at - first) % 2 === 1;
  }

  #token(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [token] = pattern.exec(this.#text) ?? [""];
    this.#at += token.length;
    return token;
  }

  #take(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #refuse(): never {
    throw new Unreadable({ notJson: true });
  }
}
