import type { RefusalEntry, RefusalTable } from "../domain/refusals/entry.ts";

/** The reference page of the tables, as Markdown, by area: what stands before the dot of an id. */
export function refusalsPage(tables: readonly RefusalTable[]): string {
  const entries = tables.flatMap((table) => Object.entries(table));
  const areas = [...Map.groupBy(entries, ([id]) => id.slice(0, id.indexOf(".")))].sort(([a], [b]) => (a < b ? -1 : 1));
  const index = areas.map(([area]) => `[${area}](#${area})`).join(" · ");
  const sections = areas.map(([area, members]) => [`## ${area}`, ...members.map(section)].join("\n\n"));
  return `${[head, index, ...sections].join("\n\n")}\n`;
}

const head = `# Refusals

Every mistake that Menagerie tells its operator in a sentence, by the id that \`validate --json\` and SARIF give it: what was
wrong, what to change, and why. Ids stay the same; sentences may get better. A sentence reads
\`<key>: <what is wrong>; <what to change>\`; a name alone in braces stands for a value. A command that is refused ends with exit
code 2, unless its entry names another: 1 where something failed, 3 where a gate is not met or a yes is missing.

This page is made from the tables that \`src/refusals/tables.ts\` lists (\`node src/refusals/write.ts\`).`;

function section([id, { says, fix, cause, exit }]: [string, RefusalEntry]): string {
  const why = exit === undefined ? cause : `${cause} Exit code ${exit}.`;
  return `### ${id}\n\n${why}\n\n\`\`\`text\n${says}${fix === "" ? "" : `; ${fix}`}\n\`\`\``;
}
