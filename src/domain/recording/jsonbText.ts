/** PostgreSQL's parser recurses; its default stack bears some 6,000 levels (`max_stack_depth` 2 MB). */
const deepest = 1_000;
/** `numeric` takes 131,072 digits before the point; far larger exponents than any model's are left to be raw. */
const exponentDigits = 4;
const longestNumber = 10_000;
/** Exponents of a body in all: jsonb writes numbers out, and `1e999` comes back as a thousand digits. */
const digitsWrittenOut = 16 * 1024 ** 2;

const [quote, backslash, letterU] = [0x22, 0x5c, 0x75];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];
const colon = 0x3a;
const [digit0, digit9, letterE, letterSmallE] = [0x30, 0x39, 0x45, 0x65];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Whether `jsonb` takes these bytes and keeps what they say: JSON in UTF-8, without what JSON allows and jsonb refuses, `\u0000`,
 * half a surrogate pair, numbers and nesting without end (https://www.postgresql.org/docs/current/datatype-json.html), and
 * without a key that comes twice, of which jsonb drops one. May say no where PostgreSQL would have said yes, never the
 * other way round.
 */
export function isJsonbText(bytes: Uint8Array): boolean {
  const keys = bytes.length === 0 ? undefined : storableKeys(bytes);
  if (keys === undefined) return false;
  try {
    return keysOf(JSON.parse(utf8.decode(bytes))) === keys;
  } catch {
    return false;
  }
}

/** Keys of all mappings of a value, each of a mapping once. */
function keysOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inner = Object.values(value);
  let keys = Array.isArray(value) ? 0 : inner.length;
  for (const each of inner) if (typeof each === "object") keys += keysOf(each);
  return keys;
}

/**
 * One pass over what only has to be right where it is JSON: a wrong guess elsewhere does not matter. Answers how many keys
 * are written, undefined where jsonb would not take a token.
 */
function storableKeys(bytes: Uint8Array): number | undefined {
  let depth = 0;
  let keys = 0;
  let writtenOut = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === quote) {
      at = endOfString(bytes, at + 1);
      if (at < 0) return undefined;
    } else if (byte === colon) {
      keys += 1;
    } else if (byte === openBracket || byte === openBrace) {
      depth += 1;
      if (depth > deepest) return undefined;
    } else if (byte === closeBracket || byte === closeBrace) {
      depth -= 1;
    } else if (byte >= digit0 && byte <= digit9) {
      const start = at;
      at = endOfNumber(bytes, at);
      if (at < 0) return undefined;
      writtenOut += exponentOf(bytes, start, at);
      if (writtenOut > digitsWrittenOut) return undefined;
    }
  }
  return keys;
}

/** The magnitude of a number's exponent; 0 where it has none. */
function exponentOf(bytes: Uint8Array, start: number, end: number): number {
  let [factor, exponent] = [1, 0];
  for (let at = end; at > start && end - at < exponentDigits + 2; at -= 1) {
    const byte = bytes[at] as number;
    if (byte === letterE || byte === letterSmallE) return exponent;
    if (byte < digit0 || byte > digit9) continue;
    exponent += factor * (byte - digit0);
    factor *= 10;
  }
  return 0;
}

/** Where the string ends, or -1 where jsonb would not take it. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== quote) {
    if (bytes[at] !== backslash) {
      at += 1;
    } else if (bytes[at + 1] !== letterU) {
      at += 2;
    } else {
      const unit = codeUnit(bytes, at + 2);
      if (unit === 0 || isLow(unit)) return -1;
      at += 6;
      if (!isHigh(unit)) continue;
      if (bytes[at] !== backslash || bytes[at + 1] !== letterU || !isLow(codeUnit(bytes, at + 2))) return -1;
      at += 6;
    }
  }
  return at;
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  let at = start;
  let exponent = -1;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === letterE || byte === letterSmallE) exponent = 0;
    else if (byte >= digit0 && byte <= digit9) exponent += exponent >= 0 ? 1 : 0;
    // A sign or a point.
    else if (byte !== 0x2b && byte !== 0x2d && byte !== 0x2e) break;
  }
  return exponent >= exponentDigits || at - start > longestNumber ? -1 : at - 1;
}

/** NaN where there are no four hexadecimal digits. */
function codeUnit(bytes: Uint8Array, at: number): number {
  const digits = String.fromCharCode(...bytes.subarray(at, at + 4));
  return /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
