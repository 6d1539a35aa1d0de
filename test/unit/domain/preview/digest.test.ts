import { describe, expect, it } from "vitest";
import { digestLines, digestOf } from "../../../../src/domain/preview/digest.ts";
import type { PreviewStep } from "../../../../src/domain/preview/preview.ts";

const stack = "urn:pulumi:s::menagerie::pulumi:pulumi:Stack::menagerie-s";
const entry = (name: string) => `urn:pulumi:s::menagerie::menagerie:zoo:ModelZooEntry::${name}`;
const inputs = (values: object) => ({ inputs: values as Record<string, unknown>, outputs: {} });

function step(urn: string, parent: string | undefined, op: string, change: Partial<PreviewStep> = {}): PreviewStep {
  const [, , types = "", name = ""] = urn.split("::");
  const type = types.split("$").at(-1) ?? "";
  return { op, urn, type, name, parent, before: undefined, after: undefined, replacedBy: [], ...change };
}

/** Of a model: its component, and its InferenceService with `replicas` now and then. */
function model(name: string, before: number, after: number): PreviewStep[] {
  const type = "menagerie:zoo:ModelZooEntry$kubernetes:serving.kserve.io/v1beta1:InferenceService";
  const states = { before: inputs({ spec: { replicas: before } }), after: inputs({ spec: { replicas: after } }) };
  const service = `urn:pulumi:s::menagerie::${type}::${name}-v1`;
  return [step(service, entry(name), before === after ? "same" : "update", states), step(entry(name), stack, "same")];
}

describe("a preview for a person", () => {
  const names = ["wine", "oats", "iris", "barley"];
  const steps = [step(stack, undefined, "same"), ...names.flatMap((name) => model(name, 1, name === "iris" ? 3 : 1))];
  const diagnostics = names.map((name) => ({
    severity: "info" as const,
    message: `${name}: version 1, 2 apps`,
    urn: entry(name),
  }));

  it("has what changes first, with its fields, and the rest in a line each by name", () => {
    expect(digestLines(digestOf({ steps, diagnostics }))).toEqual([
      "iris (ModelZooEntry)",
      "  iris: version 1, 2 apps",
      "  update InferenceService iris-v1",
      "    spec.replicas: 1 → 3",
      "",
      "unchanged:",
      "  barley (ModelZooEntry)  barley: version 1, 2 apps",
      "  oats (ModelZooEntry)  oats: version 1, 2 apps",
      "  wine (ModelZooEntry)  wine: version 1, 2 apps",
    ]);
  });

  it("is the same whatever the order of the engine", () => {
    const turned = { steps: [...steps].reverse(), diagnostics: [...diagnostics].reverse() };
    expect(digestOf(turned)).toEqual(digestOf({ steps, diagnostics }));
  });

  it("tells the objects of a component that goes, and not the component", () => {
    const parts = model("iris", 1, 1).map((each) => ({ ...each, op: "delete" }));
    expect(digestOf({ steps: parts, diagnostics: [] }).changed[0]?.changes.map(({ what }) => what)).toEqual([
      "InferenceService iris-v1",
    ]);
  });

  describe("tells what the config says of a component", () => {
    const phases = (before: object) => ({ before: inputs(before), after: inputs({ phase: "version", from: "11" }) });
    const nested = `urn:pulumi:s::menagerie::menagerie:zoo:ModelZooEntry$menagerie:zoo:ServedVersion::iris-v2`;
    const changesOf = (before: object) =>
      digestOf({
        steps: [
          step(stack, undefined, "same"),
          step(nested, entry("iris"), "update", phases(before)),
          step(entry("iris"), stack, "update", phases(before)),
        ],
        diagnostics: [],
      });

    it("where the stack declares it, once", () => {
      const [part, ...others] = changesOf({ phase: "copy", from: "11" }).changed;
      expect(others).toEqual([]);
      expect(part?.changes).toEqual([{ op: "update", what: "ModelZooEntry iris", fields: ["phase: copy → version"] }]);
    });

    it("and not that a state of before has it now", () => {
      expect(changesOf({}).changed).toEqual([]);
    });
  });

  it("says that nothing changes, and each warning once", () => {
    const warning = { severity: "warning" as const, message: "the pool is small\n", urn: undefined };
    const digest = digestOf({ steps: model("iris", 1, 1), diagnostics: [warning, warning] });
    expect(digestLines(digest)).toEqual([
      ...["nothing changes", "", "unchanged:", "  iris (ModelZooEntry)", "", "warnings:", "  the pool is small"],
    ]);
  });

  it("says which outputs change where nothing else does", () => {
    const outputs = [{ path: "rollouts.iris.takenBack", before: undefined, after: { action: "revert" } }];
    const same = digestOf({ steps: model("iris", 1, 1), diagnostics: [], outputs });
    const change = 'rollouts.iris.takenBack: none → {"action":"revert"}';
    expect(same.outputs).toEqual([change]);
    expect(digestLines(same).slice(0, 2)).toEqual(["only outputs change", `  ${change}`]);
    const changed = digestOf({ steps: model("iris", 1, 2), diagnostics: [], outputs });
    expect(digestLines(changed).join()).not.toContain(change);
  });
});
