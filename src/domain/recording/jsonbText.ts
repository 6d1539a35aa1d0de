/** PostgreSQL's parser recurses; its default stack bears some 6,000 levels (`max_stack_depth` 2 MB). */
const deepest = 1_000;
/** `numeric` takes 131,072 digits before the point; far larger exponents than any model's are left to be raw. */
const exponentDigits = 4;
const longestNumber = 10_000;

const [quote, backslash, letterU] = [0x22, 0x5c, 0x75];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];
const [digit0, digit9, letterE, letterSmallE] = [0x30, 0x39, 0x45, 0x65];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Whether `jsonb` takes these bytes: JSON in UTF-8, without what JSON allows and jsonb refuses: `\u0000`, half a surrogate
 * pair, numbers and nesting without end (https://www.postgresql.org/docs/current/datatype-json.html). May say no where
 * PostgreSQL would have said yes, never the other way round.
 */
export function isJsonbText(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || !hasStorableTokens(bytes)) return false;
  try {
    JSON.parse(utf8.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** One pass over what only has to be right where it is JSON: a wrong guess elsewhere does not matter. */
function hasStorableTokens(bytes: Uint8Array): boolean {
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === quote) {
      at = endOfString(bytes, at + 1);
      if (at < 0) return false;
    } else if (byte === openBracket || byte === openBrace) {
      depth += 1;
      if (depth > deepest) return false;
    } else if (byte === closeBracket || byte === closeBrace) {
      depth -= 1;
    } else if (byte >= digit0 && byte <= digit9) {
      at = endOfNumber(bytes, at);
      if (at < 0) return false;
    }
  }
  return true;
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
