import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { loadSource } from "../../../../src/adapters/postgres/sourceData.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** Source data on a real PostgreSQL: tables that are made, files that are loaded, lines that are wrong. */

let postgres: TestPostgres;
let folder: string;
const files = [
  { name: "source/item.sql", sql: "CREATE TABLE item (id bigint PRIMARY KEY, name text, size int DEFAULT 7)" },
  { name: "source/event.sql", sql: "CREATE TABLE event (item_id bigint REFERENCES item (id))" },
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-source-"));
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
});

afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true });
});

const csv = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};
const load = (from?: string) => loadSource(postgres.server, { files, from, progress: silent });
const sql = (text: string) =>
  withClient(postgres.server, platformDatabase, async (client) => (await client.query(text)).rows);

describe("the source data", () => {
  it("has its tables made, once", async () => {
    expect(await load()).toEqual({});
    expect(await load()).toEqual({});
    expect(await sql("SELECT count(*)::int AS n FROM source.item")).toEqual([{ n: 0 }]);
  });

  it("is loaded by the columns that a file names, in any order, quoted or not", async () => {
    const path = await csv("item.csv", '\uFEFFname,"id"\r\n"a, ""b""",1\r\n,2\r\n');
    expect(await load(path)).toEqual({ item: 2 });
    expect(await sql("SELECT * FROM source.item ORDER BY id")).toEqual([
      { id: "1", name: 'a, "b"', size: 7 },
      { id: "2", name: null, size: 7 },
    ]);
  });

  it("is replaced by a second load, and read by pipelines", async () => {
    expect(await load(await csv("item.csv", "id,name\n3,c\n"))).toEqual({ item: 1 });
    await sql("SET ROLE menagerie_pipeline; SELECT * FROM source.item");
    expect(await sql("SELECT id FROM source.item")).toEqual([{ id: "3" }]);
  });

  it("comes from a folder as well", async () => {
    await csv("event.csv", "item_id\n3\n3\n");
    expect(await load(folder)).toEqual({ event: 2, item: 1 });
    expect(await sql("SELECT count(*)::int AS n FROM source.event")).toEqual([{ n: 2 }]);
  });

  it("is not taken away from what refers to it", async () => {
    await expect(load(join(folder, "item.csv"))).rejects.toThrow(
      /--from: .*violates foreign key constraint .*; give a folder with a file for each of these tables/,
    );
    await sql("TRUNCATE source.event");
  });

  it.each([
    [
      "a wrong value, by its line and column",
      "id,size\n1,2\n2,many\n",
      /item.csv, line 3, column "size": invalid input syntax for type integer: "many"; correct the line/,
    ],
    ["a line with too much", "id\n1\n2,3\n", /item.csv, line 3: extra data after last expected column/],
    ["a number that is there twice", "id\n1\n1\n", /item.csv, line 3: duplicate key value/],
    [
      "a column that is not there",
      "id,colour\n1,red\n",
      /item.csv, line 1: table "item" has no column "colour"; it has id, name, size/,
    ],
  ])("tells %s, and changes nothing", async (_, text, sentence) => {
    const before = await sql("SELECT * FROM source.item");
    await expect(load(await csv("item.csv", text))).rejects.toThrow(sentence);
    expect(await sql("SELECT * FROM source.item")).toEqual(before);
  });

  it.each([
    ["other.csv", /there is no table "other" in schema source; declare it/],
    ["item.txt", /is not a .csv file; name it after its table/],
  ])("refuses %s", async (name, sentence) => {
    await expect(load(await csv(name, "id\n1\n"))).rejects.toThrow(sentence);
  });

  it("refuses a path that is not there", async () => {
    await expect(load(join(folder, "gone"))).rejects.toThrow(/--from .*gone cannot be read: ENOENT/);
  });
});
