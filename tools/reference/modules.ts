import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { project } from "./declarations.ts";
import { code, generated, page, table } from "./markdown.ts";

/** Which of the groups that `groupOf` puts files into import which others, for types among it. */
function importsBetween(groupOf: (file: string) => string | undefined): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const file of globSync(["src/**/*.{ts,mjs}", "components/*.ts"], { cwd: project }).sort()) {
    const group = groupOf(file);
    if (group === undefined) continue;
    const imports = groups.get(group) ?? new Set();
    groups.set(group, imports);
    for (const { fileName } of ts.preProcessFile(readFileSync(join(project, file), "utf8"), true, true).importedFiles) {
      const imported = fileName.startsWith(".") ? groupOf(join(dirname(file), fileName)) : undefined;
      if (imported !== undefined && imported !== group) imports.add(imported);
    }
  }
  return groups;
}

/** `src/program` is the composition root with its folder and the entry. */
function folderOf(file: string): string | undefined {
  const [top = "", below = ""] = file.split("/");
  if (top !== "src") return top === "components" ? top : undefined;
  // The tables of refusals stand beside the code, and this folder lists them all.
  if (below === "refusals") return undefined;
  return below.includes(".") ? "src/program" : `src/${below}`;
}

const everywhere = "src/domain";
const domainOf = (file: string): string | undefined => /^src\/domain\/([^/]+)\//.exec(file)?.[1];

/** docs/modules.md: the folders and what each imports, drawn from the imports. */
export function modulesPage(): string {
  const folders = importsBetween(folderOf);
  const domain = importsBetween(domainOf);
  const edges = [...folders].flatMap(([from, imports]) =>
    [...imports]
      .filter((to) => to !== everywhere)
      .sort()
      .map((to) => `  ${nodeOf(from)}["${from}"] --> ${nodeOf(to)}["${to}"]`),
  );
  return page(
    "# Modules",
    generated("the imports of `src` and `components`, those of types among them"),
    `\`biome.json\` says which imports are allowed, [architecture](architecture.md) what the folders are for. No two files import each other in a circle.`,
    "## Folders",
    `All of them import \`${everywhere}\`, which imports none; the picture leaves that out.`,
    `\`\`\`mermaid\nflowchart LR\n${edges.join("\n")}\n\`\`\``,
    tableOf(folders),
    "## The domain",
    "Folders of `src/domain`. Files that stand directly in it belong to none.",
    tableOf(domain),
  );
}

const nodeOf = (folder: string): string => folder.replaceAll(/\W/g, "_");

function tableOf(groups: ReadonlyMap<string, ReadonlySet<string>>): string {
  const rows = [...groups].map(([name, imports]) => [
    code(name),
    [...imports].sort().map(code).join(", ") || "nothing",
  ]);
  return table(["Folder", "Imports"], rows);
}
