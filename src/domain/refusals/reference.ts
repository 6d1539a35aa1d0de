import type { RefusalEntry } from "./entry.ts";
import { refusals } from "./table.ts";

/** The reference page of the table, as Markdown. */
export function refusalsPage(entries: Readonly<Record<string, RefusalEntry>> = refusals): string {
  const areas = Map.groupBy(Object.entries(entries), ([id]) => id.slice(0, id.indexOf(".")));
  const sections = [...areas].map(([area, members]) => [`## ${area}`, ...members.map(section)].join("\n\n"));
  return `${[head, ...sections].join("\n\n")}\n`;
}

const head = `# Refusals

Everything that \`menagerie validate\`, a preview and \`up\` refuse of a stack, by the id that \`validate --json\` and SARIF give it.
Ids stay the same; sentences may get better. A sentence reads \`<key>: <what is wrong>; <what to change>\`; a name alone in
braces stands for a value.

This page is made from the table in \`src/domain/refusals\` (\`node src/config/writeRefusals.ts\`).`;

function section([id, { says, fix, cause }]: [string, RefusalEntry]): string {
  return `### ${id}\n\n${cause}\n\n\`\`\`text\n${says}${fix === "" ? "" : `; ${fix}`}\n\`\`\``;
}
