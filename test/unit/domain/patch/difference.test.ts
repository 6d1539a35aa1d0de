import { describe, expect, it } from "vitest";
import { describeDifference, lineDifference, patchDifference } from "../../../../src/domain/patch/difference.ts";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";

const file = (action: "ADD" | "UPDATE" | "REMOVE", content: string | null): PatchOperation => ({
  type: "model_code",
  body: { action, path: "model.py", content },
});
const numbered = (count: number) => Array.from({ length: count }, (_, place) => `line ${place}`);

describe("what a patch changes", () => {
  it("is told line by line, with three lines around each change", () => {
    const before = numbered(30);
    const after = before.with(15, "changed");
    expect(lineDifference(`${before.join("\n")}\n`, `${after.join("\n")}\n`)).toEqual([
      { of: "gap", text: "12 lines" },
      ...["line 12", "line 13", "line 14"].map((text) => ({ of: "both", text })),
      { of: "before", text: "line 15" },
      { of: "after", text: "changed" },
      ...["line 16", "line 17", "line 18"].map((text) => ({ of: "both", text })),
      { of: "gap", text: "11 lines" },
    ]);
    expect(lineDifference("", "a")).toEqual([{ of: "after", text: "a" }]);
    expect(lineDifference("a\n", "a")).toEqual([{ of: "both", text: "a" }]);
  });

  it("says what is not known: a file of the image, or one that is not text", () => {
    const told = (operation: PatchOperation, before = new Map<string, string>()) =>
      patchDifference([operation], before)[0];
    expect(told(file("UPDATE", "a\n"))).toMatchObject({
      lines: [{ of: "after", text: "a" }],
      note: "the whole file: what was before is part of the image",
    });
    expect(told(file("ADD", "a\n"))?.note).toBeUndefined();
    expect(told(file("REMOVE", null))).toMatchObject({ note: "the file was part of the image" });
    expect(told(file("REMOVE", null), new Map([["model_code model.py", "a\n"]]))?.lines).toEqual([
      { of: "before", text: "a" },
    ]);
    const binary = { action: "ADD", path: "x.bin", content: null, content_bytes: "AAA=" } as const;
    expect(told({ type: "package", body: binary })).toEqual({
      operation: "ADD package x.bin",
      note: "the file is not text",
    });
  });

  it("holds no value of a variable and no credential of an address", () => {
    const operations: PatchOperation[] = [
      { type: "environment_variable", body: { action: "ADD", item: { TOKEN: "hunter2" } } },
      { type: "python_requirement", body: { action: "ADD", requirement: "x @ git+https://me:hunter2@host.example/x" } },
    ];
    const text = patchDifference(operations, new Map()).flatMap(describeDifference).join("\n");
    expect(text).toContain("ADD environment_variable TOKEN");
    expect(text).not.toContain("hunter2");
  });

  it("is bounded, whatever the files are", () => {
    const long = `${numbered(50_000).join("\n")}\n`;
    const [change] = patchDifference([file("UPDATE", long)], new Map([["model_code model.py", "other\n"]]));
    expect(change?.lines).toHaveLength(4_000);
    expect(change?.note).toContain("more lines are left out");
  });

  it("moves no terminal's cursor", () => {
    const [change] = patchDifference([file("ADD", "a\u001b[2Jb\n")], new Map());
    expect(describeDifference(change ?? { operation: "" })).toEqual(["ADD model_code model.py", "+ a [2Jb"]);
  });
});
