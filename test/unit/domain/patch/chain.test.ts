import { describe, expect, test } from "vitest";
import { append, headOf, type PatchChain, patchesFrom, withPatch } from "../../../../src/domain/patch/chain.ts";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import { parseOperations } from "../../../../src/domain/patch/operationSchema.ts";
import { nextStep } from "../../../../src/domain/patch/position.ts";
import { cold, isHot, squash } from "../../../../src/domain/patch/squash.ts";

const code = (path: string, content: string | null, hot = false): PatchOperation => ({
  type: "model_code",
  body: {
    action: content === null ? "REMOVE" : "UPDATE",
    path,
    content,
    ...(hot ? { hot_reload: true as const } : {}),
  },
});

/** A chain from hash to hash; each step writes model.py. */
function chainOf(...hashes: string[]): PatchChain {
  let chain: PatchChain = { generation: 1, baseHash: hashes[0] ?? "", patches: [] };
  for (const nextHash of hashes.slice(1)) {
    const result = append(chain, { prevHash: headOf(chain).hash, nextHash, ops: [code("model.py", nextHash)] });
    if (!("stored" in result)) throw new Error(result.reason);
    chain = withPatch(chain, result.stored);
  }
  return chain;
}

describe("a chain", () => {
  test("is continued only at its head, with the next number", () => {
    const chain = chainOf("a", "b", "c");
    expect(append(chain, { prevHash: "c", nextHash: "d", ops: [] })).toMatchObject({ stored: { seq: 3 } });
    expect(append(chain, { prevHash: "b", nextHash: "d", ops: [] })).toMatchObject({ refused: "stale", headHash: "c" });
    expect(append(chain, { prevHash: "z", nextHash: "d", ops: [] })).toMatchObject({ refused: "forked" });
    expect(append(chain, { prevHash: "c", nextHash: "c", ops: [] })).toMatchObject({ refused: "unchanged" });
  });

  test("takes the same patch again for the same, not for another with its hashes", () => {
    const chain = chainOf("a", "b");
    const ops = [code("model.py", "b")];
    expect(append(chain, { prevHash: "a", nextHash: "b", ops })).toMatchObject({ repeated: true });
    expect(append(chain, { prevHash: "a", nextHash: "b", ops: [] })).toMatchObject({ refused: "stale" });
  });

  test("is followed from the latest occurrence of the running hash", () => {
    const found = patchesFrom(chainOf("a", "b", "a", "c"), "a");
    expect("patches" in found && found.patches.map(({ seq }) => seq)).toEqual([3]);
    expect(patchesFrom(chainOf("a", "b"), "b")).toEqual({ patches: [] });
    expect(patchesFrom(chainOf("a", "b"), "z")).toHaveProperty("fullDeployment");
  });

  test("is never sent in a step that ends where it began", () => {
    expect(nextStep(chainOf("a", "b", "a"), 0, 1e6).map(({ nextHash }) => nextHash)).toEqual(["b"]);
    expect(nextStep(chainOf("a", "b", "a", "c"), 0, 1e6).map(({ nextHash }) => nextHash)).toEqual(["b", "a", "c"]);
    expect(nextStep(chainOf("a", "b", "c"), 0, 1).map(({ nextHash }) => nextHash)).toEqual(["b"]);
  });
});

describe("several patches as one", () => {
  const stored = (...lists: PatchOperation[][]) =>
    lists.map((ops, index) => ({ seq: index + 1, prevHash: `${index}`, nextHash: `${index + 1}`, ops }));

  const requirement = (action: "ADD" | "UPDATE" | "REMOVE", text: string): PatchOperation => ({
    type: "python_requirement",
    body: { action, requirement: text },
  });

  test("keep the last operation on each thing, in order", () => {
    const ops = squash(
      stored([code("x", null), code("x/y", "1")], [code("z", "2")], [code("x/y", null), code("x", "3")]),
    );
    expect(ops).toEqual([code("z", "2"), code("x/y", null), code("x", "3")]);
  });

  test("heal a requirement that cannot be installed by its successor", () => {
    const bad = requirement("ADD", "no-such-package==9");
    expect(squash(stored([bad], [requirement("UPDATE", "no-such-package==1")]))).toEqual([
      requirement("UPDATE", "no-such-package==1"),
    ]);
    expect(squash(stored([bad], [requirement("REMOVE", "no-such-package")]))).toEqual([
      requirement("REMOVE", "no-such-package"),
    ]);
  });

  test("leave out an address that the truss has no longer, for nothing takes it back", () => {
    const bad = requirement("ADD", "git+https://host/a.git");
    const behind = (...requirements: string[]) =>
      stored([bad], [code("model.py", "1")]).map((patch) => ({ ...patch, requirements }));
    expect(squash(behind("git+https://host/a.git@v2"))).toContainEqual(bad);
    expect(squash(behind("six"))).toEqual([code("model.py", "1")]);
    // Patches of before that was kept.
    expect(squash(stored([bad], [code("model.py", "1")]))).toContainEqual(bad);
  });

  test("are hot only where every one is", () => {
    expect(isHot([code("a", "1", true), code("b", "2", true)])).toBe(true);
    expect(isHot([code("a", "1", true), code("b", "2")])).toBe(false);
    expect(isHot([])).toBe(false);
    expect(cold([code("a", "1", true)])).toEqual([code("a", "1")]);
  });
});

describe("operations of a client", () => {
  const file = (path: string, more: object = {}) => [
    { type: "model_code", body: { action: "ADD", path, content: "", ...more } },
  ];

  test.each([
    ["..", /must lie inside/],
    ["../x", /must lie inside/],
    ["a/../../x", /must lie inside/],
    ["a/./x", /must lie inside/],
    ["a//x", /must lie inside/],
    ["a/", /must lie inside/],
    ["/etc/passwd", /absolute/],
    ["", /empty/],
    ["a\0b", /NUL/],
    ["\ud800", /Unicode/],
    ["x".repeat(256), /too long/],
    [`${"x/".repeat(1_600)}x`, /too long/],
  ])("with the path %j are refused", (path, reason) => {
    expect(() => parseOperations(file(path))).toThrow(reason);
    expect(() => parseOperations([{ type: "package", body: { action: "REMOVE", path, content: null } }])).toThrow(
      reason,
    );
    const item = { url: "https://example.com/x", local_data_path: path, backend: "http_public" };
    expect(() => parseOperations([{ type: "external_data", body: { action: "ADD", item } }])).toThrow(reason);
  });

  test.each([
    ["no list", {}],
    ["an unknown type", [{ type: "data", body: {} }]],
    ["system packages", [{ type: "system_package", body: { action: "ADD", package: "jq" } }]],
    ["wrong base64", file("x", { content: null, content_bytes: "***" })],
    ["no content", file("x", { content: null })],
    ["two contents", file("x", { content_bytes: "AAAA" })],
    ["an unknown key", file("x", { mode: 511 })],
    ["an installer's option", [{ type: "python_requirement", body: { action: "ADD", requirement: "--index-url x" } }]],
    ["two variables", [{ type: "environment_variable", body: { action: "ADD", item: { A: "1", B: "2" } } }]],
    ["another config file", [{ type: "config", body: { action: "UPDATE", config: {}, path: "../config.yaml" } }]],
  ])("with %s are refused", (_, input) => {
    expect(() => parseOperations(input)).toThrow(/^patches/);
  });

  test("are read as the library writes them", () => {
    expect(parseOperations(file("sub dir/é.py", { hot_reload: true }))).toEqual([
      { type: "model_code", body: { action: "ADD", path: "sub dir/é.py", content: "", hot_reload: true } },
    ]);
    const binary = { action: "UPDATE", path: "b", content: null, content_bytes: "AAE=" };
    expect(parseOperations([{ type: "package", body: binary }])).toEqual([{ type: "package", body: binary }]);
  });
});
