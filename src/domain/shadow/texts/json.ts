import { readExactJson, readJsonAt } from "../exactJson.ts";

/** A line that opens or closes a block, whatever language it names (CommonMark, "Fenced code blocks"). */
const fence = /^ {0,3}(`{3,}|~{3,})/;
/** What a document in the middle of words begins with: mappings, and lists of them. `[1]` is a footnote. */
const opening = /\{|\[(?=\s*[{[\]"])/g;
/** Places at which a document is looked for: a text of brackets would be read from each of them. */
const triedAtMost = 64;
const longestFence = 80;
const blocksAtMost = 1_000;

/**
 * The JSON documents of a text, in order: the whole text, else those in its fenced blocks, else those that stand between
 * words. Undefined where it has none, and where one cannot be compared, such as a mapping with a key twice.
 */
export function documentsOf(text: string): readonly unknown[] | undefined {
  const whole = readExactJson(text);
  if ("value" in whole) return [whole.value];
  if (!("notJson" in whole)) return undefined;
  const fenced = fencedBlocks(text);
  if (fenced.length > blocksAtMost) return undefined;
  const blocks = fenced.flatMap((block) => {
    const read = readExactJson(block);
    return "value" in read ? [read.value] : [];
  });
  return blocks.length > 0 ? blocks : between(text);
}

function between(text: string): readonly unknown[] | undefined {
  const found: unknown[] = [];
  opening.lastIndex = 0;
  for (let tried = 0; tried < triedAtMost; tried += 1) {
    const at = opening.exec(text)?.index;
    if (at === undefined) break;
    const read = readJsonAt(text, at);
    if (!read) continue;
    found.push(read.value);
    opening.lastIndex = read.end;
  }
  return found.length > 0 ? found : undefined;
}

/** Line by line: a pattern for whole blocks takes quadratic time on a text of fences. A block that is not closed ends with the text. */
function fencedBlocks(text: string): string[] {
  const blocks: string[] = [];
  if (!text.includes("```") && !text.includes("~~~")) return blocks;
  let open: { readonly fence: string; readonly from: number } | undefined;
  for (let at = 0; at <= text.length; ) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    const found = fence.exec(text.slice(at, Math.min(end, at + longestFence)))?.[1];
    if (found && !open) open = { fence: found, from: Math.min(end + 1, text.length) };
    else if (found && open && found.startsWith(open.fence)) {
      blocks.push(text.slice(open.from, at));
      open = undefined;
    }
    at = end + 1;
  }
  if (open) blocks.push(text.slice(open.from));
  return blocks;
}
