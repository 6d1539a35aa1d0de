import { describe, expect, it } from "vitest";
import { OperatorError } from "../../../../src/domain/errors.ts";
import type { RefusalEntry } from "../../../../src/domain/refusals/entry.ts";
import {
  about,
  errorsOfTable,
  refusal,
  refusalsOfTable,
  refused,
  retold,
} from "../../../../src/domain/refusals/refusal.ts";
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
    const found = refusal("migration.map", null, { problem: "two models move to one version", fix: "" });
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

describe("an area's table", () => {
  const table = {
    "a.failed": { says: "{what} failed", fix: "run it again", cause: "It was away.", exit: 1 },
    "a.wrong": { says: "wrong", fix: "", cause: "It is not right." },
    "a.waits": { says: "not yet", fix: "wait", cause: "The gate is not met.", exit: 3 },
  } as const;
  const refuse = errorsOfTable(table);
  const of = refusalsOfTable(table);

  it("makes errors of its sentences, with the exit code and the cause", () => {
    const away = new Error("ECONNREFUSED");
    const error = refuse("a.failed", { what: "the build" }, away);
    expect(error).toMatchObject({ message: "the build failed; run it again", exitCode: 1, cause: away });
    expect(error.refusals).toMatchObject([{ id: "a.failed", fix: "run it again", cause: "It was away." }]);
    expect(refuse("a.wrong")).toMatchObject({ message: "wrong", exitCode: 2 });
  });

  it("ends with the code of what is mended first where several are refused", () => {
    const [failed, wrong, waits] = [of("a.failed", null, { what: "it" }), of("a.wrong", "k"), of("a.waits", null)];
    expect(new OperatorError([waits, wrong]).exitCode).toBe(2);
    expect(new OperatorError([waits]).exitCode).toBe(3);
    expect(new OperatorError([wrong, failed, waits]).exitCode).toBe(1);
  });

  it("keeps id and fix where a sentence is told with its place", () => {
    const told = retold(of("a.waits", "menagerie:zoo"), "Pulumi.s.yaml:3:1: menagerie:zoo: not yet; wait");
    expect(told).toMatchObject({ id: "a.waits", fix: "wait", message: expect.stringMatching(/^Pulumi.s.yaml:3:1/) });
  });
});

it("says in every table what is wrong and why", () => {
  const entries = tables.flatMap((table) => Object.entries(table));
  const isWellPut = ({ says, fix, cause }: RefusalEntry): boolean =>
    !/[.;]$|; /.test(says) && !fix.endsWith(".") && /^[A-Z`].*\.$/.test(cause);
  expect(entries.filter(([, entry]) => !isWellPut(entry))).toEqual([]);
});
