/** Blanks of Python's `str.strip`, which are not those of `String.trim`: a byte order mark is none, U+001C to U+001F and U+0085 are. */
const blanks = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const ends = new RegExp(`^${blanks}+|${blanks}+$`, "g");

/** The text without blanks at its ends, as Python strips it. */
export function pythonStrip(text: string): string {
  return text.replace(ends, "");
}
