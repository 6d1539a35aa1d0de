import { describe, expect, test } from "vitest";
import { computePatch } from "../../../../src/domain/patch/compute.ts";
import { isSame } from "../../../../src/domain/patch/same.ts";
import { signatureOf } from "../../../../src/domain/truss/signature.ts";
import type { TrussSnapshot } from "../../../../src/domain/truss/snapshot.ts";
import { libraryCases, readVectors, snapshotOf, textSnapshot } from "../truss/vectors.ts";

const base = {
  "config.yaml": "model_name: m\n",
  "model/model.py": "class Model: ...\n",
  "packages/p.py": "A = 1\n",
  "data/d.txt": "d\n",
};

function patch(previous: Record<string, string>, next: Record<string, string>) {
  return computePatch(signatureOf(textSnapshot(previous)), textSnapshot(next));
}

describe("patches", () => {
  test("there is none where nothing changed", () => {
    expect(patch(base, base)).toMatchObject({ patches: [] });
  });

  test("a changed, a new and a removed file give one each", () => {
    const { "packages/p.py": _, ...rest } = base;
    expect(patch(base, { ...rest, "model/model.py": "new\n", "model/sub/x.py": "" })).toMatchObject({
      patches: [
        { type: "package", body: { action: "REMOVE", path: "p.py", content: null } },
        { type: "model_code", body: { action: "UPDATE", path: "model.py", content: "new\n" } },
        { type: "model_code", body: { action: "ADD", path: "sub/x.py", content: "" } },
      ],
    });
  });

  test("line ends are sent as they are", () => {
    expect(patch(base, { ...base, "model/model.py": "a\r\nb\r" })).toMatchObject({
      patches: [{ body: { content: "a\r\nb\r" } }],
    });
  });

  test("a file that became a folder is removed before what is below it is added", () => {
    expect(patch({ ...base, "model/x": "1" }, { ...base, "model/x/y.py": "2" })).toMatchObject({
      patches: [
        { type: "model_code", body: { action: "REMOVE", path: "x" } },
        { type: "model_code", body: { action: "ADD", path: "x/y.py" } },
      ],
    });
  });

  test("a change of a comment in config.yaml changes the hash alone", () => {
    const before = patch(base, base);
    const after = patch(base, { ...base, "config.yaml": "model_name: m # comment\n" });
    expect(after).toMatchObject({ patches: [] });
    expect(after.nextHash).not.toBe(before.nextHash);
  });

  test("environment variables and requirements come with the whole config", () => {
    const config = "model_name: m\nrequirements: [six]\nenvironment_variables: {K: true, F: 2.0}\n";
    expect(patch(base, { ...base, "config.yaml": config })).toMatchObject({
      patches: [
        { type: "python_requirement", body: { action: "ADD", requirement: "six" } },
        { type: "environment_variable", body: { action: "ADD", item: { K: "true" } } },
        { type: "environment_variable", body: { action: "ADD", item: { F: "2.0" } } },
        { type: "config", body: { config: { model_name: "m", requirements: ["six"], data_dir: "data" } } },
      ],
    });
  });
});

describe("a full deployment is needed", () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ["for data", { ...base, "data/d.txt": "other" }, /^data\/d\.txt: data cannot be patched/],
    [
      "for system packages",
      { ...base, "config.yaml": "system_packages: [jq]\n" },
      /system_packages changed from \[\] to \[jq\]/,
    ],
    ["for another Python", { ...base, "config.yaml": "python_version: py311\n" }, /python_version changed/],
    ["for other resources", { ...base, "config.yaml": "resources: {memory: 4Gi}\n" }, /resources changed/],
    ["for another model folder", { ...base, "config.yaml": "model_module_dir: code\n" }, /model_module_dir changed/],
  ])("%s", (_, next, reason) => {
    expect(patch(base, next)).toMatchObject({
      fullDeployment: expect.arrayContaining([expect.stringMatching(reason)]),
    });
  });

  test("where config.yaml was removed", () => {
    const { "config.yaml": _, ...rest } = base;
    expect(patch(base, rest)).toMatchObject({ fullDeployment: ["config.yaml was removed"] });
  });

  test("where an empty folder is in the way of a file", () => {
    const previous = new Map(textSnapshot(base).entries).set("model/x", { kind: "dir" });
    const signature = signatureOf({ entries: previous } as TrussSnapshot);
    expect(computePatch(signature, textSnapshot({ ...base, "model/x": "1" }))).toMatchObject({
      fullDeployment: [expect.stringContaining("model/x: was a folder")],
    });
  });
});

/** Upstream patches these, and only warns that the container does not follow. */
const deployedHere = new Set(["27_config_general", "module-dir-dot"]);
const vectors = [...libraryCases(), ...readVectors()];

describe("patches equal the truss library's on its vectors", () => {
  test.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (name, vector) => {
    const patterns = vector.ignore_patterns ?? ["**/__pycache__/**/*", "**/__pycache__/**"];
    const { expected } = vector;
    const plan = () => computePatch(signatureOf(snapshotOf(vector.prev), patterns), snapshotOf(vector.next), patterns);
    if (expected.next_signature_error !== undefined) return expect(plan).toThrow(/config\.yaml/);
    expect(plan().nextHash).toBe(expected.next_hash);
    if (!Array.isArray(expected.patches) || deployedHere.has(name))
      return expect(plan()).toHaveProperty("fullDeployment");
    const found = plan();
    const patches = "patches" in found ? [...found.patches] : [];
    expect(patches).toHaveLength(expected.patches.length);
    // The library's order is a set's: each of its patches is one of ours.
    for (const wanted of expected.patches) {
      expect(
        patches.find((one) => isSame(one, wanted)),
        JSON.stringify(wanted).slice(0, 2_000),
      ).toBeDefined();
    }
  });
});
