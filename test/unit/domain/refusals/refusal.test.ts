import { describe, expect, it } from "vitest";
import type { RefusalEntry } from "../../../../src/domain/refusals/entry.ts";
import { about, halvesOf, refusal, refused } from "../../../../src/domain/refusals/refusal.ts";
import { tables } from "../../../../src/refusals/tables.ts";

describe("a refusal", () => {
  it("is its entry's sentence with the key in front and the values in place", () => {
    const found = refusal("rollout.same-content", "menagerie:zoo.iris.truss", { number: 3 });
    expect(found.message).toBe(
      "menagerie:zoo.iris.truss: has the very content of version 3, which the rollout leaves; change the folder first",
    );
    expect(found).toMatchObject({ id: "rollout.same-content", fix: "change the folder first" });
  });

  it("has no fix where that is empty", () => {
    const found = refusal("migration.map", null, halvesOf("two models move to one version"));
    expect(found).toMatchObject({ message: "two models move to one version", fix: null });
  });

  it("keeps its fix when only the caller knows its key", () => {
    const found = about("menagerie:zoo.iris.truss", refusal("truss.no-config", null, { folder: "a", file: "b" }));
    expect(found.message).toBe('menagerie:zoo.iris.truss: "a" holds no b; give a truss folder, which has one');
    expect(found.fix).toBe("give a truss folder, which has one");
  });

  it("is in one error with others, a line each, and the error has them", () => {
    const error = refused([refusal("pool.no-size", "menagerie:pools.t4"), refusal("pool.capacity", "k")]);
    expect(error.message.split("\n")).toHaveLength(2);
    expect(error.refusals.map(({ id }) => id)).toEqual(["pool.no-size", "pool.capacity"]);
    expect(error.exitCode).toBe(2);
  });
});

it("says in every table what is wrong and why", () => {
  const entries = tables.flatMap((table) => Object.entries(table));
  const isWellPut = ({ says, fix, cause }: RefusalEntry): boolean =>
    !/[.;]$|; /.test(says) && !fix.endsWith(".") && /^[A-Z`].*\.$/.test(cause);
  expect(entries.filter(([, entry]) => !isWellPut(entry))).toEqual([]);
});
