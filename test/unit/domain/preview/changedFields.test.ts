import { expect, it } from "vitest";
import { changedResources, changesOf } from "../../../../src/domain/preview/changedFields.ts";
import type { PreviewStep } from "../../../../src/domain/preview/preview.ts";

it.each<[string, unknown, unknown, [string, unknown, unknown][]]>([
  ["nothing", { a: 1 }, { a: 1 }, []],
  ["a field", { spec: { replicas: 1 } }, { spec: { replicas: 2 } }, [["spec.replicas", 1, 2]]],
  ["one that is new", {}, { timeout: "5s" }, [["timeout", undefined, "5s"]]],
  ["one that goes", { timeout: "5s" }, {}, [["timeout", "5s", undefined]]],
  ["a list's item", { env: [{ value: "1" }, 2] }, { env: [{ value: "2" }, 2] }, [["env[0].value", "1", "2"]]],
  ["a key with dots", { a: { "b.c/d": 1 } }, { a: { "b.c/d": 2 } }, [['a["b.c/d"]', 1, 2]]],
  ["the engine's own", { __defaults: [1] }, { __defaults: [2] }, []],
])("finds %s", (_what, before, after, changes) => {
  expect(changesOf(before, after).map((each) => [each.path, each.before, each.after])).toEqual(changes);
});

const update = (name: string, before: Record<string, unknown>, after: Record<string, unknown>): PreviewStep => ({
  op: "update",
  type: "kubernetes:core/v1:Secret",
  name,
  urn: `urn:pulumi:s::p::t::${name}`,
  replacedBy: [],
  before: { inputs: before, outputs: {} },
  after: { inputs: after, outputs: {} },
});

it("names each resource with its fields, the shortest first, and shows no secret", () => {
  const many = Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`f${index}`, index]));
  const steps = [update("long", {}, many), update("key", { data: "[secret]", x: "a" }, { data: "[secret]", x: "b" })];
  const [first, second = ""] = changedResources(steps);
  expect(first).toBe("- update `core/v1:Secret` `key`\n  - `x`: `a` → `b`");
  expect(second.split("\n").at(-1)).toBe("  - and 2 more fields");
});
