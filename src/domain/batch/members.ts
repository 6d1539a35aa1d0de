/** A member of a JSON object as it is written. */
export interface Member {
  readonly name: string;
  /** With its name. */
  readonly text: string;
  readonly value: string;
}

/**
 * The members of a JSON object as they are written, in their order: a number that is read and written again may be another one.
 *
 * @param text - JSON of an object that `JSON.parse` has taken
 */
export function membersOf(text: string): Member[] {
  const members: Member[] = [];
  let at = afterSpace(text, text.indexOf("{") + 1);
  while (text[at] === '"') {
    const nameEnd = endOfString(text, at);
    const start = afterSpace(text, afterSpace(text, nameEnd) + 1);
    const end = endOfValue(text, start);
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    members.push({ name, text: text.slice(at, end), value: text.slice(start, end) });
    // Behind the comma, or the brace that ends the object.
    at = afterSpace(text, afterSpace(text, end) + 1);
  }
  return members;
}

const space = /[ \t\n\r]*/y;

function afterSpace(text: string, at: number): number {
  space.lastIndex = at;
  space.test(text);
  return space.lastIndex;
}

/** @param at - of the quote that it begins with */
function endOfString(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text[before - 1] === "\\") before -= 1;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  return text.length;
}

const bracketOrQuote = /["{}[\]]/g;
const endOfWord = /[ \t\n\r,}\]]|$/g;

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first !== "{" && first !== "[") {
    endOfWord.lastIndex = start;
    return endOfWord.exec(text)?.index ?? text.length;
  }
  let depth = 0;
  bracketOrQuote.lastIndex = start;
  for (let found = bracketOrQuote.exec(text); found; found = bracketOrQuote.exec(text)) {
    const [character] = found;
    if (character === '"') bracketOrQuote.lastIndex = endOfString(text, found.index);
    else depth += character === "{" || character === "[" ? 1 : -1;
    if (depth === 0) return bracketOrQuote.lastIndex;
  }
  return text.length;
}
