import { readExactJson } from "../shadow/exactJson.ts";
import { isJsonNumber } from "../shadow/exactNumber.ts";
import { type FieldPath, parseFieldPath } from "../shadow/fieldPath.ts";
import { changed } from "./changed.ts";
import { jsonTextOf } from "./jsonText.ts";
import { kindPattern, type Range, type TextPattern, textPattern } from "./patterns.ts";
import type { Pseudonyms } from "./pseudonyms.ts";
import type { RedactionRules } from "./rules.ts";

/** JSON in a text in JSON: a tool call's arguments, and what it quotes. */
const deepestTexts = 3;

/** Replaces what a model's rules name by pseudonyms. */
export class Redactor {
  readonly #pseudonyms: Pseudonyms;
  readonly #paths: readonly FieldPath[];
  readonly #patterns: readonly TextPattern[];
  readonly #queries: ReadonlySet<string>;
  readonly #headers: ReadonlySet<string>;

  constructor(rules: RedactionRules, pseudonyms: Pseudonyms) {
    const all = <T>(of: (rule: RedactionRules[number]) => T | undefined): T[] =>
      rules.map(of).filter((each) => each !== undefined);
    this.#pseudonyms = pseudonyms;
    this.#paths = all(({ path }) => (path === undefined ? undefined : parseFieldPath(path)));
    this.#patterns = [
      ...all(({ pattern }) => (pattern === undefined ? undefined : textPattern(pattern))),
      ...all(({ kind }) => (kind === undefined ? undefined : kindPattern(kind))),
    ];
    this.#queries = new Set(all(({ query }) => query));
    this.#headers = new Set(all(({ header }) => header));
  }

  /** A body, as `readExactJson` read it; lists and mappings are changed in place. */
  json(value: unknown): unknown {
    return this.#walk(value, this.#paths, 0);
  }

  /** A text: what patterns match in it, also inside of JSON that it holds. */
  text(text: string): string {
    return this.#text(text, [], 0);
  }

  /** Path and query of a request. */
  url(pathAndQuery: string): string {
    const at = pathAndQuery.indexOf("?");
    const path = at < 0 ? pathAndQuery : pathAndQuery.slice(0, at);
    const kept = path.split("/").map((segment) => this.#encoded(segment, false));
    if (at < 0) return kept.join("/");
    const query = pathAndQuery.slice(at + 1).split("&");
    return `${kept.join("/")}?${query.map((part) => this.#parameter(part)).join("&")}`;
  }

  /** Stored headers, a JSON object of texts and lists of texts. */
  headers(json: string): string {
    const headers = JSON.parse(json) as Record<string, string | readonly string[]>;
    const redacted = (name: string, value: string): string =>
      this.#headers.has(name) ? this.#pseudonyms.ofText(value) : this.text(value);
    const kept = Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((each) => redacted(name, String(each))) : redacted(name, String(value)),
    ]);
    return JSON.stringify(Object.fromEntries(kept));
  }

  #walk(value: unknown, paths: readonly FieldPath[], texts: number): unknown {
    if (paths.some((path) => path.length === 0)) return this.#pseudonyms.of(value, (key) => this.text(key));
    if (typeof value === "string") return this.#text(value, paths, texts);
    if (isJsonNumber(value)) {
      if (this.#patterns.length === 0) return value;
      const text = String(value);
      return this.#patterns.some((pattern) => pattern.isNumber(text)) ? this.#pseudonyms.ofNumber(value) : value;
    }
    return changed(
      value,
      (key) => this.text(key),
      (each, place) => this.#walk(each, below(paths, place), texts),
    );
  }

  #text(text: string, paths: readonly FieldPath[], texts: number): string {
    return this.#matched(texts < deepestTexts ? this.#inside(text, paths, texts) : text);
  }

  /** Text that is a list or a mapping in JSON, as it stands unless something in it is redacted. */
  #inside(text: string, paths: readonly FieldPath[], texts: number): string {
    if (!/^\s*[[{]/.test(text)) return text;
    const read = readExactJson(text);
    if (!("value" in read)) return text;
    const before = jsonTextOf(read.value);
    const after = jsonTextOf(this.#walk(read.value, paths, texts + 1));
    return after === before ? text : after;
  }

  #matched(text: string): string {
    const ranges = this.#patterns.flatMap((pattern) => pattern.matches(text));
    let redacted = "";
    let at = 0;
    for (const [start, end] of merged(ranges)) {
      redacted += text.slice(at, start) + this.#pseudonyms.ofText(text.slice(start, end));
      at = end;
    }
    return redacted + text.slice(at);
  }

  #parameter(part: string): string {
    const at = part.indexOf("=");
    if (at < 0) return this.#encoded(part, true);
    const [name, value] = [part.slice(0, at), part.slice(at + 1)];
    const decoded = decodedText(name, true);
    if (decoded === undefined || !this.#queries.has(decoded)) {
      return `${this.#encoded(name, true)}=${this.#encoded(value, true)}`;
    }
    return `${name}=${this.#pseudonyms.ofText(decodedText(value, true) ?? value)}`;
  }

  /** A part of a url as it stands, unless something in it is redacted; what cannot be decoded is redacted whole. */
  #encoded(part: string, isQuery: boolean): string {
    const decoded = decodedText(part, isQuery);
    if (decoded === undefined) return this.#pseudonyms.ofText(part);
    const redacted = this.text(decoded);
    return redacted === decoded ? part : encodeURIComponent(redacted).replaceAll("%3A", ":");
  }
}

/** What is left of the paths one step further down. */
function below(paths: readonly FieldPath[], place: string | number): readonly FieldPath[] {
  if (paths.length === 0) return paths;
  const step = String(place);
  return paths
    .filter(([first]) => first === step || (typeof place === "number" && first === "*"))
    .map((path) => path.slice(1));
}

/** Ranges that touch or overlap as one: what several patterns found is one value. */
function merged(ranges: readonly Range[]): readonly Range[] {
  const found: [number, number][] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last && start < last[1]) last[1] = Math.max(last[1], end);
    else found.push([start, end]);
  }
  return found;
}

function decodedText(text: string, isQuery: boolean): string | undefined {
  try {
    return decodeURIComponent(isQuery ? text.replaceAll("+", " ") : text);
  } catch {
    return undefined;
  }
}
