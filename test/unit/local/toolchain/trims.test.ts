import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { applyCuts, parseTrims, verifyOriginal } from "../../../../src/local/toolchain/trims.ts";

const original = [
  "package a",
  "",
  "import (",
  '\t"cloud"',
  '\t"fmt"',
  ")",
  "",
  "func open() {",
  "\tcloud.Open()",
  "}",
  "",
];
const sha256 = createHash("sha256").update(original.join("\n")).digest("hex");

function list(file: string): string {
  return `modules:\n  - module: example.com/m\n    version: v1.0.0\n    files:\n      - path: a.go\n        sha256: ${sha256}\n        reason: Nothing here opens a cloud.\n${file}`;
}

function parsed(file: string) {
  const trimmed = parseTrims(list(file), "trims.yaml")[0]?.files[0];
  if (!trimmed) throw new Error("no file");
  return trimmed;
}

const cuts = `
        cuts:
          - lines: 8-10
            first: "func open() {"
            last: "}"
            put: |
              func open() {
              \tfmt.Println("none")
              }
          - lines: "4"
            first: '"cloud"'
`;

describe("cuts", () => {
  it("are left out, and what is put in their place is there, in whatever order the list has them", () => {
    const kept = ["package a", "", "import (", '\t"fmt"', ")", "", "func open() {", '\tfmt.Println("none")', "}", ""];
    expect(applyCuts(original.join("\n"), parsed(cuts), "m v1").split("\n")).toEqual(kept);
  });

  it.each([
    ["first line", 'lines: "4"\n            first: "aws"', 'a.go of m v1: line 4 says "\\"cloud\\"", not "aws"'],
    [
      "last line",
      'lines: 8-10\n            first: "func open() {"\n            last: ")"',
      'line 10 says "}", not ")"',
    ],
    ["missing last line", 'lines: 8-10\n            first: "func open() {"', 'line 10 says "}", not null'],
    ["end of the file", 'lines: "40"\n            first: "}"', 'line 40 does not exist, not "}"'],
  ])("are refused when the file has another %s", (_, cut, sentence) => {
    const file = parsed(`        cuts:\n          - ${cut}\n`);
    expect(() => applyCuts(original.join("\n"), file, "m v1")).toThrow(sentence);
  });

  it("are refused when they overlap", () => {
    const twice = `        cuts:\n          - lines: 3-6\n            first: "import ("\n            last: ")"\n          - lines: "4"\n            first: '"cloud"'\n`;
    expect(() => applyCuts(original.join("\n"), parsed(twice), "m v1")).toThrow("cuts overlap at line 4");
  });

  it("hold for one content of the file only", () => {
    expect(() => verifyOriginal(Buffer.from(original.join("\n")), parsed(cuts), "m v1")).not.toThrow();
    expect(() => verifyOriginal(Buffer.from("package a\n"), parsed(cuts), "m v2")).toThrow(
      /^a\.go of m v2 has SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}: review its cuts/,
    );
  });
});

describe("a list of cuts", () => {
  it.each([
    ["        remove: false\n", "modules.0.files.0.remove"],
    ["        cutz: []\n", "cutz"],
    ["        remove: true\n        ours: a.go\n", "needs exactly one of cuts, ours and remove"],
    ["", "needs exactly one of cuts, ours and remove"],
    ["        cuts:\n          - lines: 9-3\n            first: x\n", "must not end before it begins"],
    ["        cuts:\n          - lines: 0-3\n            first: x\n", "must be a line"],
  ])("is refused with its file and key: %j", (text, sentence) => {
    expect(() => parseTrims(list(text), "tools/x/trims.yaml")).toThrow(sentence);
    expect(() => parseTrims(list(text), "tools/x/trims.yaml")).toThrow(/^tools\/x\/trims.yaml: /);
  });

  it.each([
    ["", "modules.0: needs files or without"],
    ["    without: { ending: .go }\n", "modules.0.without.ending: must be the end of a name"],
    ["    without: { ending: .pb.validate.go }\n", "modules.0.without.reason"],
  ])("leaves out files of an ending only for a reason: %j", (text, sentence) => {
    const head = "modules:\n  - module: example.com/m\n    version: v1.0.0\n";
    expect(() => parseTrims(head + text, "t")).toThrow(sentence);
  });

  it("cannot name a file outside its module, nor be without a reason", () => {
    const text = list("        remove: true\n");
    expect(() => parseTrims(text.replace("a.go", "../a.go"), "t")).toThrow("must be a path inside the module");
    expect(() => parseTrims(text.replace(/reason: .*/, 'reason: ""'), "t")).toThrow("reason");
    expect(() => parseTrims(`${text}  - : [`, "t")).toThrow(/^t: /);
  });
});
