import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseGrants } from "../../../../src/domain/rights/grantStatements.ts";

const scope = {
  database: "menagerie",
  schema: "v1.2.3",
  names: { schema: "v1.2.3", role: 'odd "role"', written: ["item", "event"], read: [] },
};
const parsed = (sql: string) => parseGrants(sql, scope);

describe("a file of rights", () => {
  it("says what each role may do in which object, whatever the order of its statements", () => {
    const sql = `
      -- A comment with a ; and a "quote.
      GRANT CONNECT ON DATABASE menagerie TO "reader";
      grant usage on schema :"schema" to READER;
      GRANT UPDATE (b, "A"), SELECT ON "v1.2.3".one, TABLE_two TO reader;`.replace("TABLE_two", '"v1.2.3".two');
    expect(parsed(sql)).toEqual({
      reader: {
        database: "CONNECT",
        schema: "USAGE",
        "table one": "SELECT, UPDATE (A, b)",
        "table two": "SELECT, UPDATE (A, b)",
      },
    });
  });

  it("joins what several statements say of one object", () => {
    const sql = `GRANT SELECT ON "v1.2.3".a TO x; GRANT INSERT (i), UPDATE (i) ON TABLE "v1.2.3".a TO x; GRANT UPDATE (h) ON "v1.2.3".a TO x;`;
    expect(parsed(sql)).toEqual({ x: { "table a": "INSERT (i), SELECT, UPDATE (h, i)" } });
  });

  it("takes names from outside as names, whatever they hold, and several of them in a list of objects", () => {
    expect(parsed('GRANT DELETE ON :"schema".:"written" TO :"role"; GRANT SELECT ON :"schema".:"read" TO x;')).toEqual({
      'odd "role"': { "table event": "DELETE", "table item": "DELETE" },
      x: {},
    });
  });

  it("knows functions, sequences, everybody, and that a role has nothing", () => {
    const sql = `GRANT EXECUTE ON FUNCTION :"schema".f(date, double precision), :"schema".g() TO x;
      GRANT SELECT, USAGE ON ALL SEQUENCES IN SCHEMA :"schema" TO x; GRANT USAGE ON SEQUENCE :"schema".s TO x;
      REVOKE ALL ON DATABASE menagerie FROM PUBLIC;`;
    expect(parsed(sql)).toEqual({
      x: {
        "all sequences": "SELECT, USAGE",
        "function f(date, double precision)": "EXECUTE",
        "function g()": "EXECUTE",
        "sequence s": "USAGE",
      },
      public: { database: "" },
    });
  });

  it.each<[string, string]>([
    ['GRANT SELET ON :"schema".a TO x;', "line 1: SELET is not a privilege of a table"],
    ['GRANT USAGE ON :"schema".a TO x;', "line 1: USAGE is not a privilege of a table"],
    ["GRANT CONNECT (a) ON DATABASE menagerie TO x;", "line 1: CONNECT is not a privilege of a database"],
    ["\n\nGRANT SELECT ON other.a TO x;", "line 3: other is not v1.2.3, which the file is about"],
    ["GRANT CONNECT ON DATABASE postgres TO x;", "line 1: postgres is not menagerie, which the file is about"],
    ["GRANT SELECT ON a TO x;", "line 1: a is not v1.2.3, which the file is about"],
    ['GRANT SELECT ON :"schema".:"nobody" TO x;', 'line 1: :"nobody" stands for nothing'],
    ['GRANT USAGE ON SCHEMA :"written" TO x;', "line 1: several names where one is possible"],
    ['GRANT SELECT ON :"schema".a TO x', "line 1: the end of the file instead of ;"],
    ["DROP TABLE a;", "line 1: DROP instead of GRANT"],
    ['GRANT SELECT ON :"schema".a TO x WITH GRANT OPTION;', "line 1: WITH instead of ;"],
    ["GRANT SELECT ON :\"schema\".'a' TO x;", "line 1: ' is not possible in a file of rights"],
  ])("%j is refused with its place", (sql, because) => {
    expect(() => parsed(sql)).toThrow(because);
  });
});

describe("the files of the platform's roles", () => {
  const folder = join(import.meta.dirname, "../../../../src/adapters/postgres/rights");
  const files = readdirSync(folder).filter((name) => /^(menagerie_\w+|public)\.sql$/.test(name));

  it.each(files)("%s is about its role alone", (file) => {
    const own = { database: "menagerie", schema: "menagerie" };
    expect(Object.keys(parseGrants(readFileSync(join(folder, file), "utf8"), own))).toEqual([file.replace(".sql", "")]);
  });

  it("are one for everybody and each role but the owner and that of pipelines", () => {
    expect(files.length).toBe(9);
  });
});
