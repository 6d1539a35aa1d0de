/** Markdown of the reference pages. */

/** Text of a cell or a sentence: angle brackets outside of code would be HTML, and a bar would end the cell. */
export function prose(text: string): string {
  const parts = text.replaceAll(/\s*\n\s*/g, " ").split(/(`[^`]*`)/);
  return parts
    .map((part) => (part.startsWith("`") ? part : part.replaceAll("<", "&lt;").replaceAll("*", "\\*")))
    .join("")
    .replaceAll("|", "\\|");
}

export function code(text: string): string {
  return text === "" ? "" : `\`${text.replaceAll("|", "\\|")}\``;
}

/**
 * Rows of cells that are Markdown already; empty where there is no row. Columns that are empty in every row are left out. Cells are not
 * padded, so that a change of one row is a change of one line.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const used = head.flatMap((_, at) => (rows.some((row) => row[at]) ? [at] : []));
  const line = (cells: readonly string[]): string => `| ${used.map((at) => cells[at] ?? "").join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Paragraphs with a blank line between them; empty ones are left out. */
export function page(...parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** As GitHub makes the anchor of a heading. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

/** What the head of every generated page ends with. */
export const generated = (from: string): string =>
  `This page is generated from ${from}. Rewrite it with \`${rewrite}\`.`;

export const rewrite = "UPDATE_GOLDENS=1 npx vitest run --project unit test/unit/docs/reference.test.ts";
