import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { modulesPage, rewriteModules } from "../../../tools/reference/modules.ts";

it("docs/modules.md is drawn from today's imports", () => {
  const file = join(import.meta.dirname, "../../../docs/modules.md");
  const wanted = modulesPage();
  if (process.env.UPDATE_GOLDENS) writeFileSync(file, wanted);
  expect(readFileSync(file, "utf8"), `docs/modules.md is out of date. Run: ${rewriteModules}`).toBe(wanted);
});
