import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  combinationKey,
  type Part,
  partName,
  partsBetween,
  reachedBy,
  withParts,
} from "../../../../src/domain/bisect/parts.ts";
import type { RunnableCombination, RunnableState } from "../../../../src/domain/trial/combination.ts";
import { combination, model } from "./world.ts";

const state = (tag: string, tables: readonly string[] = ["item"], sql = ""): RunnableState => ({
  tag,
  schema: tag,
  files: [{ name: "state.sql", sql }],
  tables: tables.map((name) => ({ name, seed: "copy" })),
  extensions: [],
});
const old = combination(
  "release-1",
  model("iris", "a"),
  model("gone", "g"),
  model("same", "s", { env: { FACTOR: "2", LOG: "1" } }),
);
const young = combination(
  "release-2",
  model("iris", "b", { resources: { cpu: "2", memory: "1Gi", gpus: 0 } }),
  model("came", "c"),
  model("same", "s", { env: { FACTOR: "3", LOG: "1", EXTRA: "x" } }),
);

describe("parts between two combinations", () => {
  test("are contents, keys of config, and models that came or went", () => {
    expect(partsBetween(old, young).map(partName)).toEqual([
      "model came",
      "model gone",
      "model iris",
      "menagerie:zoo.iris.resources",
      "menagerie:zoo.same.env.EXTRA",
      "menagerie:zoo.same.env.FACTOR",
    ]);
    expect(partsBetween(old, { ...old, name: "another" })).toEqual([]);
  });

  test("one of them changes nothing else", () => {
    const factor = withParts(old, young, [{ kind: "config", model: "same", key: "env.FACTOR" }]);
    expect(partsBetween(old, factor).map(partName)).toEqual(["menagerie:zoo.same.env.FACTOR"]);
    expect(factor.models.find(({ name }) => name === "same")?.env).toEqual({ LOG: "1", FACTOR: "3" });
    expect(withParts(old, young, [{ kind: "model", model: "gone" }]).models.map(({ name }) => name)).toEqual([
      "iris",
      "same",
    ]);
    expect(withParts(old, young, [{ kind: "model", model: "iris" }]).models[0]).toEqual({
      ...young.models[0],
      resources: old.models[0]?.resources,
    });
  });

  test("a truss in another folder with the same content is the same model", () => {
    const moved = { ...model("iris", "a"), content: { folder: "/elsewhere", hash: "a" } };
    expect(combinationKey(combination("x", moved))).toBe(combinationKey(combination("y", model("iris", "a"))));
  });

  test("all of them make the younger combination of the older, none the older one, and a subset differs by just its parts", () => {
    const kinds = fc.record({
      content: fc.constantFrom("1", "2"),
      X: fc.constantFrom("", "1"),
      Y: fc.constantFrom("", "1"),
      state: fc.boolean(),
    });
    const models = fc.dictionary(fc.constantFrom("a", "b", "c"), kinds).map((entries) =>
      Object.entries(entries).map(([name, { content, X, Y, ...rest }]) => {
        const env = Object.fromEntries(Object.entries({ X, Y }).filter(([, value]) => value !== ""));
        return model(name, content, { env, ...rest });
      }),
    );
    const states = fc
      .tuple(
        fc.constantFrom("s1", "s2"),
        fc.subarray(["item", "word", "event"]),
        fc.constantFrom("", "CREATE TABLE item ()"),
      )
      // Which tables there are is what the files say.
      .map(([tag, tables, sql]) => state(`${tag} ${tables.join()} ${sql}`, tables, `${sql} ${tables.join()}`));
    const combinations = fc.tuple(models, states).map(
      ([list, own]): RunnableCombination => ({
        name: own.tag,
        models: list,
        state: list.some((each) => each.state) ? own : null,
      }),
    );
    fc.assert(
      fc.property(combinations, combinations, fc.infiniteStream(fc.boolean()), (before, after, choice) => {
        const parts = partsBetween(before, after);
        expect(combinationKey(withParts(before, after, parts))).toBe(combinationKey(after));
        expect(combinationKey(withParts(before, after, []))).toBe(combinationKey(before));
        const some = parts.filter(() => choice.next().value);
        const changed = partsBetween(before, withParts(before, after, some));
        const ofModels = (each: readonly Part[]) => each.filter((part) => "model" in part);
        expect(ofModels(changed)).toEqual(ofModels(some));
      }),
    );
  });
});

describe("parts of a state", () => {
  const ranker = model("ranker", "r", { state: true });
  const before: RunnableCombination = { name: "v1", models: [ranker], state: state("v1", ["item", "gone"], "one") };
  const after: RunnableCombination = { name: "v2", models: [ranker], state: state("v2", ["item", "came"], "two") };

  test("are the SQL files, the rows of each table, and the tag", () => {
    expect(partsBetween(before, after).map(partName)).toEqual([
      "menagerie:state.schemas",
      "table came",
      "table gone",
      "table item",
      "the release's tag",
    ]);
  });

  test("the rows of one table come from the other release, the rest stays", () => {
    expect(withParts(before, after, [{ kind: "table", table: "item" }])).toEqual({ ...before, rowsOf: { item: "v2" } });
    expect(withParts(before, after, [{ kind: "tag" }])).toEqual({
      name: "v2",
      models: [ranker],
      state: { ...before.state, tag: "v2", schema: "v2" },
      rowsOf: { item: "v1", gone: "v1" },
    });
  });

  test("a table that the files declare and its release does not have begins without rows", () => {
    const mixed = withParts(before, after, [{ kind: "schemas" }]);
    expect(mixed.state?.tables).toEqual(after.state?.tables);
    expect(mixed.rowsOf).toEqual({ came: null });
  });

  test("a state that only one of both has comes with the model that works in it", () => {
    const stateless: RunnableCombination = { name: "v1", models: [model("ranker", "q")], state: null };
    expect(partsBetween(stateless, after).map(partName)).toEqual(["model ranker"]);
    expect(withParts(stateless, after, [{ kind: "model", model: "ranker" }])).toEqual({ ...after, name: "v1" });
  });
});

describe("what reaches a model", () => {
  test("is the model alone, and everything where it works in the state", () => {
    expect(reachedBy("iris", { ...old, state: state("a") })).toEqual({
      name: "release-1",
      models: [old.models[0]],
      state: null,
    });
    const stateful = {
      ...combination("release-3", model("ranker", "r", { state: true }), model("iris", "a")),
      state: state("a"),
    };
    expect(reachedBy("ranker", stateful)).toEqual(stateful);
    expect(reachedBy("unknown", old).models).toEqual([]);
  });
});
