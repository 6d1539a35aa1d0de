import { describe, expect, it } from "vitest";
import {
  afterChanges,
  configChanges,
  removeStored,
  storedKey,
  withStoredValues,
} from "../../../src/config/storedValues.ts";

const secret = { secure: "v1:abcd:efgh" };
const committed = {
  "menagerie:nodeClass": "local",
  "menagerie:ratelimitEnabled": true,
  "menagerie:migrationTarget": { table: "apps" },
  "menagerie:secrets": {},
  "menagerie:zoo": { iris: { truss: "models/iris", phase: "done", zones: ["a", "b"] } },
};
const zoo = committed["menagerie:zoo"];

/** What is stored after the engine changed the committed config to `now`. */
const stored = (now: object, before: Parameters<typeof afterChanges>[0] = []) =>
  afterChanges(before, configChanges(withStoredValues(committed, before), now as Record<string, unknown>));

describe("what a command of the engine changed", () => {
  it.each([
    ["a plain key", { ...committed, "menagerie:namespace": "zoo" }, [{ path: ["menagerie:namespace"], value: "zoo" }]],
    [
      "a secret inside a committed mapping",
      { ...committed, "menagerie:migrationTarget": { table: "apps", databaseUrl: secret } },
      [{ path: ["menagerie:migrationTarget", "databaseUrl"], value: secret }],
    ],
    [
      "a secret inside an empty mapping",
      { ...committed, "menagerie:secrets": { token: secret } },
      [{ path: ["menagerie:secrets", "token"], value: secret }],
    ],
    [
      "one key of a model",
      { ...committed, "menagerie:zoo": { iris: { ...zoo.iris, phase: "off" } } },
      [{ path: ["menagerie:zoo", "iris", "phase"], value: "off" }],
    ],
    [
      "a list, as a whole",
      { ...committed, "menagerie:zoo": { iris: { ...zoo.iris, zones: ["a", "c"] } } },
      [{ path: ["menagerie:zoo", "iris", "zones"], value: ["a", "c"] }],
    ],
    ["nothing but how the engine writes it", { ...committed, "menagerie:ratelimitEnabled": "true" }, []],
  ])("is %s", (_, now, expected) => {
    const after = stored(now);
    expect(after).toEqual({ stored: expected, forgotten: [], committed: [] });
    expect(withStoredValues(committed, after.stored)).toEqual(expected.length > 0 ? now : committed);
  });

  it("is a removal of what was stored, below a key or at it, and the committed value is back", () => {
    const before = [{ path: ["menagerie:zoo", "iris", "phase"] as [string, ...string[]], value: "off" }];
    const { phase: _, ...without } = zoo.iris;
    const after = stored({ ...committed, "menagerie:zoo": { iris: without } }, before);
    expect(after).toEqual({ stored: [], forgotten: [["menagerie:zoo", "iris", "phase"]], committed: [] });
    const { "menagerie:zoo": __, ...rest } = committed;
    expect(stored(rest, before)).toEqual({ stored: [], forgotten: [["menagerie:zoo"]], committed: [] });
    expect(withStoredValues(committed, [])).toEqual(committed);
  });

  it("is told apart from the removal of what only the committed file has, by its uppermost key", () => {
    const { "menagerie:zoo": _, ...rest } = committed;
    expect(stored(rest)).toEqual({ stored: [], forgotten: [], committed: [["menagerie:zoo"]] });
  });

  it("leaves no empty mapping behind a removal", () => {
    const before = [{ path: ["menagerie:new", "a"] as [string, ...string[]], value: "1" }];
    expect(stored({ ...committed, "menagerie:new": {} }, before).stored).toEqual([]);
  });

  it("replaces a mapping by a value, and what was stored below it", () => {
    const before = [{ path: ["menagerie:zoo", "iris", "phase"] as [string, ...string[]], value: "off" }];
    const after = stored({ ...committed, "menagerie:zoo": "{}" }, before);
    expect(after).toEqual({ stored: [{ path: ["menagerie:zoo"], value: "{}" }], forgotten: [], committed: [] });
  });
});

it("stored values win over a committed file that changed since, key by key", () => {
  const values = [{ path: ["menagerie:zoo", "iris", "phase"] as [string, ...string[]], value: "off" }];
  const edited = { "menagerie:zoo": { iris: { truss: "models/other", phase: "bake" }, more: { truss: "m" } } };
  expect(withStoredValues(edited, values)).toEqual({
    "menagerie:zoo": { iris: { truss: "models/other", phase: "off" }, more: { truss: "m" } },
  });
  expect(edited["menagerie:zoo"].iris.phase).toBe("bake");
});

it("keys are named as `config rm` takes them", () => {
  expect(removeStored(["menagerie:namespace"])).toBe("config rm menagerie:namespace");
  expect(removeStored(["menagerie:zoo", "iris", "env", "A.B"])).toBe(
    `config rm --path 'menagerie:zoo.iris.env["A.B"]'`,
  );
  expect(storedKey(["kubernetes:context"])).toBe("kubernetes:context");
  expect(storedKey(["kubernetes:a", "b"])).toBe("kubernetes:a.b");
});
