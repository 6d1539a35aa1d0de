import { expect, it } from "vitest";
import { consistentOperations } from "../../../../src/domain/patch/consistency.ts";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import { trussOf } from "../../../support/trussOf.ts";

const op = (content: string, action: "UPDATE" | "REMOVE" = "UPDATE", path = "model.py"): PatchOperation => ({
  type: "model_code",
  body: { action, path, content: action === "REMOVE" ? null : content },
});
const of = (text: string) => trussOf({ "model/model.py": text }).signature;

it("keeps operations whose contents are those of the signature", () => {
  expect(consistentOperations([op("a\n")], of("a\n"))).toEqual([op("a\n")]);
});

it("gives back the line ends that the truss library took away", () => {
  expect(consistentOperations([op("a\nb\n")], of("a\r\nb\r\n"))).toEqual([op("a\r\nb\r\n")]);
});

it("refuses a file that was saved while the patch was computed", () => {
  expect(() => consistentOperations([op("a\n")], of("b\n"))).toThrow(/model\/model.py: its content does not have the/);
});

it("refuses a file that the signature does not have, and the removal of one that it has", () => {
  expect(() => consistentOperations([op("a\n", "UPDATE", "other.py")], of("a\n"))).toThrow(
    /other\.py is changed by an operation, but the signature does not have it/,
  );
  expect(() => consistentOperations([op("", "REMOVE")], of("a\n"))).toThrow(/still has it/);
});

it("refuses a config that is not the one of its hash", () => {
  const signature = { ...of("a\n"), config: "model_name: other\n" };
  expect(() => consistentOperations([], signature)).toThrow(/config.yaml: its text in the signature/);
});
