import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { delegate } from "../../../src/providers/delegate.ts";

/** As the host of dynamic providers evaluates what a state holds: in no folder, so that no package of its own name is found first. */
function evaluated(text: string): unknown {
  const module = { exports: {} as { handler?: () => unknown } };
  new Function("require", "exports", text)(createRequire("/"), module.exports);
  return module.exports.handler?.();
}

describe("the text that a state holds of a dynamic resource", () => {
  afterEach(() => vi.restoreAllMocks());

  it("is the one of every earlier state where a stack of the checkout wrote it", () => {
    expect(delegate("smokeTest")).toBe(
      'exports.handler = () => require(require("node:path").resolve("src/providers/registry.ts")).delegateOf("smokeTest");\n',
    );
  });

  it("names the package where a program uses it, found from the folder that the program runs in", async () => {
    const folder = await mkdtemp(join(tmpdir(), "menagerie-delegate-"));
    const program = join(folder, "infrastructure", "program");
    const installed = join(folder, "infrastructure", "node_modules", "menagerie");
    await mkdir(program, { recursive: true });
    await mkdir(installed, { recursive: true });
    const manifest = { name: "menagerie", type: "module", exports: { "./providers": "./door.js" } };
    await writeFile(join(installed, "package.json"), JSON.stringify(manifest));
    await writeFile(
      join(installed, "door.js"),
      "export const delegateOf = (kind) => ({ kind, of: import.meta.url });\n",
    );
    vi.spyOn(process, "cwd").mockReturnValue(program);
    expect(evaluated(delegate("smokeTest", true))).toEqual({
      kind: "smokeTest",
      of: new URL(`file://${installed}/door.js`).href,
    });
    await rm(folder, { recursive: true, force: true });
  });

  it.each([true, false])("names no path of one machine (packaged: %s)", (packaged) => {
    expect(delegate("smokeTest", packaged)).not.toContain(process.cwd());
    expect(delegate("smokeTest", packaged)).not.toMatch(/"\//);
  });
});
