/**
 * Numbers of answers as they are written. A double is exact for most of what models answer; what it would round, or cannot
 * hold, is kept as decimal digits, so that 9007199254740993 and 9007199254740992 stay two numbers.
 */

declare global {
  interface JSON {
    /** A value that `JSON.stringify` writes as it stands (ECMAScript proposal "JSON.parse source text access"; V8 has it). */
    rawJSON(text: string): unknown;
  }
}

/** `0.digits × 10^exponent` without leading or trailing zeros; zero has no digits. */
interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

const written = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** A decimal of so many digits is a double's own, whatever they are (IEEE 754: 15 survive the way there and back). */
const digitsOfDouble = 15;
/** Exponents further apart than this are compared by their exponents: the smaller number does not show in the larger. */
const farApart = 1_200;

/** A number that a double would round, underflow or overflow. */
export class ExactNumber {
  readonly #decimal: Decimal;
  readonly #text: string;

  /** @param text - as JSON writes it */
  constructor(text: string) {
    this.#text = text;
    this.#decimal = decimalOf(text);
  }

  get decimal(): Decimal {
    return this.#decimal;
  }

  /** The same for every way in which the number can be written. */
  get canonical(): string {
    return canonicalText(this.#decimal);
  }

  toString(): string {
    return this.#text;
  }

  /** As the number itself, not as text in quotes. */
  toJSON(): unknown {
    return JSON.rawJSON(this.#text);
  }
}

export type JsonNumber = number | ExactNumber;

export function isJsonNumber(value: unknown): value is JsonNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

/** The number that a JSON text writes: a double where that is exactly the number, else {@link ExactNumber}. */
export function exactNumber(text: string): JsonNumber {
  return isExactAsDouble(text) ? Number(text) : new ExactNumber(text);
}

/** Whether a double holds exactly what is written, by the shortest decimal that the double stands for. */
export function isExactAsDouble(text: string): boolean {
  const double = Number(text);
  if (text.length <= digitsOfDouble && !/[eE]/.test(text)) return true;
  if (!Number.isFinite(double)) return false;
  const shortest = String(double);
  return shortest === text || canonicalText(decimalOf(shortest)) === canonicalText(decimalOf(text));
}

/** Whether two numbers are the same number; NaN is the same as NaN. */
export function isSameNumber(a: JsonNumber, b: JsonNumber): boolean {
  if (typeof a === "number" && typeof b === "number") return a === b || (Number.isNaN(a) && Number.isNaN(b));
  return a instanceof ExactNumber && b instanceof ExactNumber && a.canonical === b.canonical;
}

/** How far two numbers are apart, and as a share of the larger magnitude; NaN where one of them is not finite. */
export function distanceOf(a: JsonNumber, b: JsonNumber): { readonly absolute: number; readonly relative: number } {
  if (!isFiniteNumber(a) || !isFiniteNumber(b)) return { absolute: Number.NaN, relative: Number.NaN };
  if (typeof a === "number" && typeof b === "number") {
    const absolute = Math.abs(a - b);
    return { absolute, relative: absolute === 0 ? 0 : absolute / Math.max(Math.abs(a), Math.abs(b)) };
  }
  const [left, right] = [asDecimal(a), asDecimal(b)];
  const top = Math.max(exponentOf(left), exponentOf(right));
  const { negative: _, ...distance } = minus(left, right);
  return { absolute: toDouble(distance), relative: shareOf(distance, top, left, right) };
}

/** Below zero where `a` is smaller; NaN comes last, as its own equal. */
export function compareNumbers(a: JsonNumber, b: JsonNumber): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  if (typeof a === "number" && typeof b === "number") return a === b ? 0 : a - b;
  if (!isFiniteNumber(a) || !isFiniteNumber(b)) return Number(a) - Number(b);
  const { negative, digits } = minus(asDecimal(a), asDecimal(b));
  return digits === "" ? 0 : negative ? -1 : 1;
}

/** The nearest double; infinite or zero where the number is beyond it. */
export function nearestDouble(value: JsonNumber): number {
  return typeof value === "number" ? value : Number(value.toString());
}

function isFiniteNumber(value: JsonNumber): boolean {
  return typeof value !== "number" || Number.isFinite(value);
}

function asDecimal(value: JsonNumber): Decimal {
  return typeof value === "number" ? decimalOf(String(value)) : value.decimal;
}

function decimalOf(text: string): Decimal {
  const [, sign, whole = "", fraction = "", power = "0"] = written.exec(text) ?? [];
  const all = whole + fraction;
  const leading = all.length - all.replace(/^0+/, "").length;
  const digits = all.slice(leading).replace(/0+$/, "");
  if (digits === "") return { negative: false, digits, exponent: 0 };
  return { negative: sign === "-", digits, exponent: Number(power) + whole.length - leading };
}

function canonicalText({ negative, digits, exponent }: Decimal): string {
  return digits === "" ? "0" : `${negative ? "-" : ""}0.${digits}e${exponent}`;
}

function exponentOf({ digits, exponent }: Decimal): number {
  return digits === "" ? Number.NEGATIVE_INFINITY : exponent;
}

function minus(a: Decimal, b: Decimal): Decimal {
  const negated = { ...b, negative: !b.negative };
  if (a.digits === "") return b.digits === "" ? b : negated;
  if (b.digits === "") return a;
  if (Math.abs(a.exponent - b.exponent) > farApart) return a.exponent > b.exponent ? a : negated;
  // Both as whole numbers of the finer unit.
  const unit = Math.min(a.exponent - a.digits.length, b.exponent - b.digits.length);
  const scaled = ({ negative, digits, exponent }: Decimal): bigint => {
    const value = BigInt(digits.padEnd(exponent - unit, "0"));
    return negative ? -value : value;
  };
  const difference = scaled(a) - scaled(b);
  const text = (difference < 0n ? -difference : difference).toString();
  const digits = text.replace(/0+$/, "");
  return digits === ""
    ? { negative: false, digits: "", exponent: 0 }
    : { negative: difference < 0n, digits, exponent: unit + text.length };
}

function toDouble({ digits, exponent }: Pick<Decimal, "digits" | "exponent">): number {
  return digits === "" ? 0 : Number(`0.${digits}e${exponent}`);
}

/** The distance as a share of the larger magnitude, both brought near 1, where doubles hold them. */
function shareOf(
  { digits, exponent }: Pick<Decimal, "digits" | "exponent">,
  top: number,
  left: Decimal,
  right: Decimal,
): number {
  if (digits === "") return 0;
  const near = (each: Decimal): number => toDouble({ ...each, exponent: each.exponent - top });
  return toDouble({ digits, exponent: exponent - top }) / Math.max(near(left), near(right));
}
