import { describe, expect, it } from "vitest";
import { declaredRelations } from "../../../../src/domain/release/declaredRelations.ts";
import { planRetention, type StoredRelease } from "../../../../src/domain/release/retention.ts";
import { declaredHash, releaseRoles, stateSchemaName, tagIssue } from "../../../../src/domain/release/stateSchema.ts";

describe("the schema of a release", () => {
  it("is called like its tag", () => {
    expect(stateSchemaName("v1.2.3-model1v42-rc.1")).toBe("v1.2.3-model1v42-rc.1");
  });

  it("is cut with a hash where the tag is too long, so that two tags never share one and their roles fit PostgreSQL", () => {
    const long = `v1.2.3-${"model1v42-".repeat(8)}`;
    const names = [long + 1, long + 2].map(stateSchemaName);
    expect(new Set(names).size).toBe(2);
    for (const name of names) {
      const { service, pipeline } = releaseRoles(name);
      expect(Math.max(service.length, pipeline.length)).toBe(63);
    }
  });

  it.each(["public", "menagerie", "source", "pg_toast", "information_schema"])("is not %s", (tag) => {
    expect(tagIssue(tag)?.problem).toBe("is the name of a schema that is there for something else");
  });

  it.each(["", "-rc", "a b", 'v1"', "v1/2", "x".repeat(201)])("is not made from %j", (tag) => {
    expect(() => stateSchemaName(tag)).toThrow(/is not a tag/);
  });
});

describe("the relations that SQL files declare", () => {
  it("are found whatever stands around them", () => {
    const sql = `
      -- CREATE TABLE commented (id int);
      /* CREATE TABLE /* nested */ also_commented (id int); */
      create unlogged table if not exists Users (note text DEFAULT 'CREATE TABLE in_text (x int)');
      CREATE TABLE "Odd ""name""" (id int);
      CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN CREATE TABLE inside (x int); END $body$;
      CREATE OR REPLACE VIEW recent AS SELECT 1;
      CREATE MATERIALIZED VIEW totals AS SELECT 1;
      CREATE TABLE other . somewhere (id int);`;
    expect(declaredRelations(sql)).toMatchObject({
      tables: ['Odd "name"', "users"],
      views: ["recent", "totals"],
      qualified: ["other.somewhere"],
    });
  });

  it("are told apart from what belongs to the database", () => {
    const sql = `CREATE PUBLICATION changes; create user mapping for current_user server s; CREATE USER ada;
      CREATE SCHEMA IF NOT EXISTS "Other one"; create or replace trusted procedural language pl; CREATE EVENT
      TRIGGER watch ON ddl_command_end EXECUTE FUNCTION f(); SELECT 'CREATE ROLE in_text'; CREATE TABLE server (role text);
      CREATE FOREIGN DATA WRAPPER w`;
    expect(declaredRelations(sql).outside).toEqual([
      'publication "changes"',
      'user "ada"',
      'schema "Other one"',
      'language "pl"',
      'event trigger "watch"',
      'foreign data wrapper "w"',
    ]);
  });

  it("hash alike whatever order the files come in", () => {
    const [a, b] = [
      { name: "a.sql", sql: "A" },
      { name: "b.sql", sql: "B" },
    ];
    expect(declaredHash([a, b])).toBe(declaredHash([b, a]));
    expect(declaredHash([a, b])).not.toBe(declaredHash([a, { ...b, sql: "C" }]));
  });
});

describe("which states stay", () => {
  const release = (schema: string, used: number, change: Partial<StoredRelease> = {}): StoredRelease => ({
    tag: schema,
    schema,
    used,
    seededFrom: null,
    ready: true,
    viewsOf: [],
    references: [],
    ...change,
  });
  const three = [release("v1", 1), release("v2", 2), release("v3", 3)];
  const names = (releases: readonly StoredRelease[]) => releases.map(({ schema }) => schema);

  it("the last N, the new one among them", () => {
    const { previous, kept, retired } = planRetention("v4", three, 3);
    expect([previous?.schema, names(kept), names(retired)]).toEqual(["v3", ["v3", "v2"], ["v1"]]);
  });

  it("one that is restored is the current one, and the one after it stays", () => {
    const { kept, retired } = planRetention("v1", three, 2);
    expect([names(kept), names(retired)]).toEqual([["v3"], ["v2"]]);
  });

  it("what the new one is seeded from, until it is there", () => {
    expect(names(planRetention("v4", three, 1).retired)).toEqual(["v2", "v1"]);
    const after = [...three, release("v4", 4, { seededFrom: "v3" })];
    expect(names(planRetention("v4", after, 1).retired)).toEqual(["v3", "v2", "v1"]);
  });

  it("what others have views of, and what those have views of", () => {
    const chain = [release("v1", 1), release("v2", 2, { viewsOf: ["v1"] }), release("v3", 3, { viewsOf: ["v2"] })];
    const { retired, heldBy } = planRetention("v3", chain, 1);
    expect(names(retired)).toEqual([]);
    expect(heldBy.get("v1")).toEqual(["release v2 has views of it"]);
  });

  it("what something refers to", () => {
    const held = [release("v1", 1, { references: ["prod runs it"] }), ...three.slice(1)];
    const { retired, heldBy } = planRetention("v3", held, 1);
    expect([names(retired), heldBy.get("v1")]).toEqual([["v2"], ["prod runs it"]]);
  });

  it("nothing half-made, which was never in use", () => {
    const { previous, retired } = planRetention("v4", [...three, release("x", 0, { ready: false })], 9);
    expect([previous?.schema, names(retired)]).toEqual(["v3", ["x"]]);
  });
});
