import { RE2JS, RE2JSSyntaxException } from "re2js";
import type { ValueKind } from "./rules.ts";

/** Where a text is matched. */
export type Range = readonly [start: number, end: number];

/** Matches in time linear in the text (RE2's engine), so that no request holds up a recorder, whatever its model's patterns are. */
export interface TextPattern {
  /** Ranges in order, without overlaps; never empty. */
  matches(text: string): readonly Range[];
  /** Whether a number, as it is written, is such a value as a whole. */
  isNumber(text: string): boolean;
}

/** A pattern in RE2's syntax; undefined where it is not valid, or matches the empty text and so finds nothing in particular. */
export function textPattern(source: string): TextPattern | undefined {
  try {
    const compiled = RE2JS.compile(source);
    if (compiled.testExact("")) return undefined;
    return { matches: (text) => matchesOf(compiled, text), isNumber: (text) => compiled.testExact(text) };
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return undefined;
    throw error;
  }
}

function matchesOf(compiled: RE2JS, text: string): readonly Range[] {
  if (!compiled.test(text)) return [];
  const matcher = compiled.matcher(text);
  const found: Range[] = [];
  while (matcher.find()) {
    if (matcher.end() > matcher.start()) found.push([matcher.start(), matcher.end()]);
  }
  return found;
}

/** The pattern of a kind of values: what looks like one, and whose check digits are right where it has some. */
export function kindPattern(kind: ValueKind): TextPattern {
  const isNumber = (text: string): boolean => kind === "card" && /^\d{13,19}$/.test(text) && isLuhn(text);
  if (kind === "email") return { matches: emailsIn, isNumber };
  const { source, holds } = kinds[kind];
  return { matches: (text) => candidatesOf(source, holds, text), isNumber };
}

/** Local parts and labels have 64 and 63 characters at most (RFC 5321, 4.5.3.1; RFC 1035, 2.3.4). */
const localPart = /[\p{L}\p{N}._%+'-]{1,64}$/u;
const domain = /[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){0,8}\.[\p{L}\p{N}]{2,63}/uy;

/** From each @ to its left and right: texts without one take no time. */
function emailsIn(text: string): readonly Range[] {
  const found: Range[] = [];
  let before = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    // Twice as many units, for letters that have two.
    const start = Math.max(before, at - 128);
    const local = localPart.exec(text.slice(start, at));
    domain.lastIndex = at + 1;
    const [host] = (local && domain.exec(text)) ?? [];
    if (!local || host === undefined) continue;
    before = at + 1 + host.length;
    found.push([start + local.index, before]);
  }
  return found;
}

interface KindOfValue {
  /** Of the engine's own, which is faster: every repetition has a bound, so that it takes linear time too. */
  readonly source: RegExp;
  readonly holds: (part: string) => boolean;
}

const kinds: Readonly<Record<Exclude<ValueKind, "email">, KindOfValue>> = {
  card: {
    source: /\b(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5})\b/g,
    holds: (part) => /^(?:\D?\d){13,19}$/.test(part) && isLuhn(part.replace(/\D/g, "")),
  },
  // With a country's code; of North America; or with the zero that begins national numbers elsewhere.
  phone: {
    source:
      /(?:\+|\b00)[1-9](?:[ ./()-]{0,2}\d){6,13}\b|\b[2-9]\d{2}\)?[ .-]{1,2}[2-9]\d{2}[ .-]\d{4}\b|\b0[1-9]\d{1,4}[ /-]{1,3}\d{3,12}(?:[ -]?\d{2,8}){0,4}\b/g,
    holds: (part) => /^(?:\D{0,3}\d){7,15}$/.test(part),
  },
  iban: {
    source: /\b[A-Z]{2}\d{2} ?[A-Z0-9]{4}(?: ?[A-Z0-9]{4}){1,6}(?: ?[A-Z0-9]{1,3})?\b/gi,
    holds: (part) => isIban(part.replaceAll(" ", "").toUpperCase()),
  },
};

function candidatesOf(source: RegExp, holds: (part: string) => boolean, text: string): readonly Range[] {
  const search = new RegExp(source);
  const found: Range[] = [];
  for (let match = search.exec(text); match; match = search.exec(text)) {
    const length = lengthOfValue(match[0], holds);
    if (length > 0) found.push([match.index, match.index + length]);
    // What a check refuses may begin before what it accepts.
    search.lastIndex = match.index + (length || /^(?:\w+|\W)/.exec(match[0])?.[0].length || 1);
  }
  return found;
}

/** Digits in groups are hard to tell from what follows them: the most groups that make a value, as their length; else 0. */
function lengthOfValue(match: string, holds: (part: string) => boolean): number {
  if (holds(match)) return match.length;
  const ends = [...match.matchAll(/[ -]/g)].map(({ index }) => index);
  return ends.reverse().find((end) => holds(match.slice(0, end))) ?? 0;
}

/** The check digit of payment cards (ISO/IEC 7812-1, annex B). */
function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const weighed = index % 2 === 1 ? digit * 2 : digit;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum > 0 && sum % 10 === 0;
}

/** The check digits of bank accounts (ISO 13616): the remainder of 97 is 1. */
function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false;
  let remainder = 0;
  for (const character of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}
