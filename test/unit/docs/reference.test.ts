import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCommands, withSubcommands } from "../../../tools/reference/commands.ts";
import { rewrite } from "../../../tools/reference/markdown.ts";
import { referencePages } from "../../../tools/reference/pages.ts";

/** The generated pages of docs/reference against the code that they are made from. */

const folder = join(import.meta.dirname, "../../../docs/reference");

describe("docs/reference", () => {
  it.each(Object.entries(referencePages))("%s is up to date", async (name, generate) => {
    const file = join(folder, name);
    const wanted = await generate();
    if (process.env.UPDATE_GOLDENS) writeFileSync(file, wanted);
    expect(readFileSync(file, "utf8"), `docs/reference/${name} is out of date. Run: ${rewrite}`).toBe(wanted);
  });
});

describe("the command line", () => {
  it("says what every command, argument and option is for", async () => {
    const all = (await loadCommands()).flatMap((command) => withSubcommands(command, "menagerie"));
    expect(all.length).toBeGreaterThan(60);
    const silent = all.flatMap(({ name, command }) => [
      ...(command.description() ? [] : [name]),
      ...command.registeredArguments.filter((each) => !each.description).map((each) => `${name} ${each.name()}`),
      ...command.options.filter((each) => !each.description).map((each) => `${name} ${each.flags}`),
    ]);
    expect(silent).toEqual([]);
  });
});
