import { ExactNumber, exactNumber, isJsonNumber, type JsonNumber } from "../shadow/exactNumber.ts";
import { changed } from "./changed.ts";

/** A keyed hash of a text (HMAC-SHA-256), whose key nobody has who sees pseudonyms. */
export type KeyedHash = (text: string) => Uint8Array;

const prefix = "redacted:";
/** 96 bits: two values of one environment never share a pseudonym by chance. */
const hashDigits = 24;
/** Numbers of so few digits have a table, since hashes of so few values would often be the same. */
const tableDigits = 3;
const longestNumber = 40;

/**
 * Stands in for values: the same value has the same pseudonym wherever it is seen, under one key, so that rows still join and answers can
 * still be compared. A pseudonym has the type of its value.
 *
 * - text: `redacted:` and 24 hexadecimal digits;
 * - a number: another one with the same sign, the same number of digits and its point at the same place; 0 stays 0;
 * - true and false: false, since a pseudonym of two values would tell them apart;
 * - null: null;
 * - a list or a mapping: the same with pseudonyms in it.
 */
export class Pseudonyms {
  readonly #hash: KeyedHash;
  /** By number of digits: the pseudonym's place by the number's. */
  readonly #tables = new Map<number, readonly number[]>();

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  ofText(text: string): string {
    return prefix + hex(this.#hash(`text:${text}`)).slice(0, hashDigits);
  }

  ofNumber(value: JsonNumber): JsonNumber {
    if (typeof value === "number" && !Number.isFinite(value)) return value;
    const { negative, digits, exponent } = (value instanceof ExactNumber ? value : new ExactNumber(String(value)))
      .decimal;
    if (digits === "") return 0;
    // Beyond any double's digits, only their number is kept.
    const kept = Math.min(digits.length, longestNumber);
    const other = this.#otherDigits(digits, kept);
    return exactNumber(`${negative ? "-" : ""}${placed(other + "0".repeat(digits.length - kept), exponent)}`);
  }

  /**
   * A value of JSON; lists and mappings are changed in place.
   *
   * @param ofKey - what becomes of a mapping's keys. @default they stay
   */
  of(value: unknown, ofKey: (key: string) => string = (key) => key): unknown {
    if (typeof value === "string") return this.ofText(value);
    if (typeof value === "boolean") return false;
    if (isJsonNumber(value)) return this.ofNumber(value);
    return changed(value, ofKey, (each) => this.of(each, ofKey));
  }

  /** First and last digit are no zero, so that the number has as many digits as before. */
  #otherDigits(digits: string, length: number): string {
    const count = length === 1 ? 9n : 81n * 10n ** BigInt(length - 2);
    if (length > tableDigits) return digitsAt(BigInt(`0x${hex(this.#hash(`number:${digits}`))}`) % count, length);
    return digitsAt(BigInt(this.#table(length, Number(count))[placeOf(digits)] ?? 0), length);
  }

  #table(length: number, count: number): readonly number[] {
    const known = this.#tables.get(length);
    if (known) return known;
    const places = Array.from({ length: count }, (_, place) => ({
      place,
      by: hex(this.#hash(`digits:${length}:${place}`)),
    }));
    const table = places.sort((a, b) => (a.by < b.by ? -1 : 1)).map(({ place }) => place);
    this.#tables.set(length, table);
    return table;
  }
}

/** Numbers of `length` digits without a zero at their ends, counted from 0: first digit, those between, last digit. */
function digitsAt(place: bigint, length: number): string {
  if (length === 1) return String(place + 1n);
  const [rest, last] = [place / 9n, place % 9n];
  return String(rest + 10n ** BigInt(length - 2)) + String(last + 1n);
}

function placeOf(digits: string): number {
  if (digits.length === 1) return Number(digits) - 1;
  return (Number(digits.slice(0, -1)) - 10 ** (digits.length - 2)) * 9 + Number(digits.at(-1)) - 1;
}

/** `0.digits × 10^exponent`, written without an exponent where that is short. */
function placed(digits: string, exponent: number): string {
  if (exponent > 0 && exponent <= 21) {
    const whole = digits.slice(0, exponent).padEnd(exponent, "0");
    const fraction = digits.slice(exponent);
    return fraction === "" ? whole : `${whole}.${fraction}`;
  }
  if (exponent <= 0 && exponent > -7) return `0.${"0".repeat(-exponent)}${digits}`;
  return `${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}e${exponent - 1}`;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
