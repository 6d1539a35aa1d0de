import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const project = join(import.meta.dirname, "../../..");

/** Pages with blocks that are marked as runnable, by their paths in the project. */
export const walked: readonly string[] = globSync(["README.md", "docs/**/*.md"], { cwd: project })
  .filter((page) => /^(```|~~~)\w+ run\b/m.test(readFileSync(join(project, page), "utf8")))
  .sort();
