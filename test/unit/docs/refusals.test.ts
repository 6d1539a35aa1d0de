import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { refusalsPage } from "../../../src/domain/refusals/reference.ts";

it("docs/refusals.md is up to date (node src/config/writeRefusals.ts)", () => {
  expect(readFileSync(join(import.meta.dirname, "../../../docs/refusals.md"), "utf8")).toBe(refusalsPage());
});
