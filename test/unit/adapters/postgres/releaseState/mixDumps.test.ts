import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fileOfTable, readManifest, writeManifest } from "../../../../../src/adapters/postgres/releaseState/dump.ts";
import { mixDumps } from "../../../../../src/adapters/postgres/releaseState/mixDumps.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-dumps-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A dump whose tables' files hold the tag. */
async function dump(tag: string, tables: readonly string[]): Promise<string> {
  const place = join(folder, tag);
  await mkdir(place);
  for (const name of tables) await writeFile(join(place, fileOfTable(name)), tag);
  const rows = { columns: ["name"], rows: 1, sha256: tag, numbers: {} };
  await writeManifest(place, {
    formatVersion: 1,
    tag,
    seededFrom: null,
    files: [],
    tables: tables.map((name) => ({ name, seed: "copy", ...rows })),
    pipelines: [{ name: "words", image: null, source: null }],
    extensions: ["pg_trgm"],
    sequences: { counter: ["7", true] },
  });
  return place;
}

it("has each table's rows from where they are wanted, of what the other dump does not have none, and no pipelines", async () => {
  const [old, young] = [await dump("v1", ["item", "word"]), await dump("v2", ["item", "came"])];
  const mixed = await mixDumps(join(folder, "mixed"), {
    tag: "v1",
    files: [{ name: "state.sql", sql: "" }],
    tables: ["item", "word", "came"].map((name) => ({ name, seed: "copy" })),
    own: old,
    rowsOf: { item: young, came: null },
  });
  const { tables, pipelines, ...rest } = await readManifest(mixed);
  expect(tables.map(({ name, rows, sha256 }) => [name, rows, sha256])).toEqual([
    ["item", 1, "v2"],
    ["word", 1, "v1"],
    ["came", 0, ""],
  ]);
  expect([pipelines, rest.tag, rest.extensions, rest.sequences]).toEqual([
    [],
    "v1",
    ["pg_trgm"],
    { counter: ["7", true] },
  ]);
  expect(await readFile(join(mixed, fileOfTable("item")), "utf8")).toBe("v2");
  expect(await readFile(join(mixed, fileOfTable("word")), "utf8")).toBe("v1");
});
