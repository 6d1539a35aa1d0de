import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, rmSync } from "node:fs";
import { extname, join } from "node:path";

/**
 * Compiles the package `menagerie` into `dist/package`, as `npm pack` does first: components, dynamic providers and whatever they import, as
 * JavaScript with declarations, and beside them the files that they read, such as SQL. `npm run check` has checked the types.
 */

const project = join(import.meta.dirname, "..");
const built = join(project, "dist", "package");
/** Code is compiled; the rest is what generates a file that is read. */
const notRead = new Set([".ts", ".mjs", ".sh", ".in"]);

rmSync(built, { recursive: true, force: true });
execFileSync(process.execPath, [
  join(project, "node_modules", "typescript", "bin", "tsc"),
  ...["--project", join(project, "tsconfig.package.json"), "--noCheck"],
]);
for (const part of readdirSync(join(built, "src"), { withFileTypes: true })) {
  if (!part.isDirectory()) continue;
  cpSync(join(project, "src", part.name), join(built, "src", part.name), {
    recursive: true,
    filter: (path) => !notRead.has(extname(path)),
  });
}
