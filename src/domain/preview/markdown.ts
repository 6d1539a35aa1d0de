/** Text of the program or of a policy inside Markdown: no markup, no mention of a person, no HTML of its own. */
export function plain(text: string): string {
  return withoutColors(text)
    .trim()
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/[\\`*_|[\]]/g, (sign) => `\\${sign}`)
    .replaceAll("@", "&#64;");
}

/** A name as code. Names of resources hold no backticks, yet a comment must not break where one does. */
export function code(text: string): string {
  return `\`${text.replaceAll("`", "'")}\``;
}

/** Text as it is, in a fence that is longer than any in it. */
export function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${withoutColors(text).trimEnd()}\n${fence}`;
}

/** One item of a list; lines after its first are items below it. */
export function item(text: string): string {
  const [first = "", ...rest] = text.split("\n").filter((line) => line.trim() !== "");
  return [`- ${first.trim()}`, ...rest.map((line) => `  - ${line.trim()}`)].join("\n");
}

/** A heading with what belongs to it, or nothing where nothing does. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`### ${title}`, lines.join("\n")];
}

/** Terminal colours come with errors of Node.js whatever the engine's `--color` says. */
function withoutColors(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g"), "");
}
