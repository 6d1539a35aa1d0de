/**
 * Whether a command prints what a page has. Of one run are, and match any of their kind: moments, durations, hashes, UUIDs and sizes.
 * `…` in a line stands for any text, as a line for any lines; `<name>` stands for one word, which is the same wherever the name comes
 * again, also in later commands. Numbers of a terminal's blanks do not count.
 */

/** What stands for the names of a page: `<id>` by `id`. */
export type Names = ReadonlyMap<string, string>;

/** What is of one run. The first that fits counts. */
const kinds: readonly RegExp[] = [
  /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?/,
  /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/,
  /\b[0-9a-f]{12,64}\b/,
  /\b\d[\d,]*(?:\.\d+)? ?(?:ms|s|min|h|MiB|kB)\b/,
];
const special = new RegExp(`…|<[a-z][a-z-]*>|\\s+|${kinds.map(({ source }) => source).join("|")}`, "g");

/** The names after `text` was found to be what `prints` says; undefined where it is something else. */
export function matched(prints: readonly string[], text: string, names: Names): Names | undefined {
  return matchedLines(prints.map(trimmed), linesOf(text), names);
}

/** `text` with the names of the page filled in. Throws where one is not known yet. */
export function filledIn(text: string, names: Names): string {
  return text.replaceAll(/<([a-z][a-z-]*)>/g, (_, name: string) => {
    const value = names.get(name);
    if (value === undefined) throw new Error(`nothing before it prints <${name}>: ${text}`);
    return value;
  });
}

const trimmed = (line: string): string => line.trimEnd();

function linesOf(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and cursor moves of a terminal begin with it.
  const lines = text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, "").split("\n");
  while (lines.at(-1)?.trim() === "") lines.pop();
  while (lines[0]?.trim() === "") lines.shift();
  return lines.map(trimmed);
}

function matchedLines(prints: readonly string[], lines: readonly string[], names: Names): Names | undefined {
  const [first, ...others] = prints;
  if (first === undefined) return lines.length === 0 ? names : undefined;
  if (first.trim() === "…") {
    for (let skipped = 0; skipped <= lines.length; skipped += 1) {
      const found = matchedLines(others, lines.slice(skipped), names);
      if (found) return found;
    }
    return undefined;
  }
  const [line, ...rest] = lines;
  const found = line === undefined ? undefined : matchedLine(first, line, names);
  return found && matchedLines(others, rest, found);
}

function matchedLine(expected: string, line: string, names: Names): Names | undefined {
  const captured: string[] = [];
  let pattern = "";
  let at = 0;
  for (const { 0: found, index } of expected.matchAll(special)) {
    pattern += RegExp.escape(expected.slice(at, index));
    at = index + found.length;
    const [, name] = /^<(.*)>$/.exec(found) ?? [];
    if (found === "…") pattern += ".*";
    else if (found.trim() === "") pattern += "\\s+";
    else if (name === undefined)
      pattern += `(?:${kinds.find((kind) => new RegExp(`^${kind.source}$`).test(found))?.source})`;
    else if (names.has(name)) pattern += RegExp.escape(names.get(name) ?? "");
    else if (captured.includes(name)) pattern += `\\${captured.indexOf(name) + 1}`;
    else {
      captured.push(name);
      pattern += '([^\\s,;:()"]+)';
    }
  }
  const result = new RegExp(`^${pattern}${RegExp.escape(expected.slice(at))}$`).exec(line);
  return result
    ? new Map([...names, ...captured.map((name, index) => [name, result[index + 1] ?? ""] as const)])
    : undefined;
}
