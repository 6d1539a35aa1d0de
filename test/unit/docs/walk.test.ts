import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { filledIn, matched, type Names } from "../../support/walk/match.ts";
import { type Edit, edited, stepsOf } from "../../support/walk/page.ts";
import { walked } from "../../support/walk/walked.ts";

const project = join(import.meta.dirname, "../../..");
const none: Names = new Map();
const block = (info: string, ...lines: string[]): string => ["text", `\`\`\`${info}`, ...lines, "```", ""].join("\n");
const isMatched = (expected: string, text: string): boolean => matched(expected.split("\n"), text, none) !== undefined;

describe("the steps of a page", () => {
  it("are its marked blocks, with commands and what each prints", () => {
    const page = block("", "$ not run") + block("console run", "$ one \\", "> two", "said", "", "more", "$ three");
    expect(stepsOf(page)).toEqual([
      {
        kind: "commands",
        line: 6,
        exit: 0,
        again: false,
        commands: [
          { command: "one \\\ntwo", prints: ["said", "", "more"] },
          { command: "three", prints: [] },
        ],
      },
    ]);
  });

  it("have exit codes, repetitions and terminals", () => {
    expect(stepsOf(block("console run exit=3 again", "$ x"))).toMatchObject([{ exit: 3, again: true }]);
    const terminal = block("console run in=watch", "$ x", "ready") + block("console run in=watch", "done", "^C");
    expect(stepsOf(terminal)).toMatchObject([
      { kind: "terminal", name: "watch", command: "x", prints: ["ready"], interrupted: false },
      { kind: "terminal", name: "watch", prints: ["done"], interrupted: true },
    ]);
  });

  it.each([
    ["yaml run", "a: 1"],
    ["console run later", "$ x"],
    ["console run", "said"],
    ["console run", ""],
    ["console run in=watch", "said", "$ x"],
    ["diff run", " a"],
    ["diff run", "--- file", "a"],
  ])("are refused where a block is not one: %s", (info, ...lines) => {
    expect(() => stepsOf(block(info, ...lines))).toThrow("line 2");
  });

  it("are refused where a block has no end", () => expect(() => stepsOf("```console run\n$ x\n")).toThrow("no end"));
});

describe("an edit", () => {
  const edit = (...lines: string[]): Edit => stepsOf(block("diff run", "--- file", ...lines))[0] as Edit;

  it("changes each of its places, found by what is around it", () => {
    const text = "a:\n  x: 1\nb:\n  x: 1\n";
    expect(edited(text, edit(" b:", "-  x: 1", "+  x: 2", "+  y: 3"))).toBe("a:\n  x: 1\nb:\n  x: 2\n  y: 3\n");
    expect(edited(text, edit(" a:", "-  x: 1", "@@", " b:", "+  z: 1"))).toBe("a:\nb:\n  z: 1\n  x: 1\n");
    expect(edited(text, edit("+c: 1"))).toBe(`${text}c: 1\n`);
  });

  it("is refused where the file has no such place, or two", () => {
    expect(() => edited("x\nx\n", edit("-x"))).toThrow("2 places");
    expect(() => edited("y\n", edit("-x"))).toThrow("0 places");
  });
});

describe("what a command prints", () => {
  it("is the page's, but for what is of one run", () => {
    expect(isMatched("up since 2026-11-21T16:29:43.361Z", "up since 2026-12-01T02:00:00.001Z")).toBe(true);
    expect(isMatched("model.py  cold  0.71 s  8fa306e77e7e", "model.py  cold  1,402.5 ms   000000000000")).toBe(true);
    expect(isMatched("5 rows of 4 users", "5 rows of 5 users")).toBe(false);
    expect(isMatched("a.b", "axb")).toBe(false);
  });

  it("has all lines, in order, and others only at an ellipsis", () => {
    expect(isMatched("a\nb", "\na\nb\n\n")).toBe(true);
    expect(isMatched("a\nc", "a\nb\nc")).toBe(false);
    expect(isMatched("a", "a\nb")).toBe(false);
    expect(isMatched("…\nb\n…\nd", "a\nb\nb\nc\nd")).toBe(true);
    expect(isMatched("…", "")).toBe(true);
    expect(isMatched("say … now", "say it now")).toBe(true);
  });

  it("gives values to the names of the page, which later texts use", () => {
    const names = matched(["app <app> points at <app>, id <id>"], "app 6 points at 6, id 3", none);
    expect(names).toEqual(new Map([["app", "6"], ["id", "3"]])); // biome-ignore format: pairs
    expect(matched(["app <app>"], "app 7", names ?? none)).toBeUndefined();
    expect(filledIn("--app <app>", names ?? none)).toBe("--app 6");
    expect(() => filledIn("--app <other>", none)).toThrow("<other>");
  });

  it("has no colours", () => expect(isMatched("✓ ok", "\u001b[32m✓\u001b[0m ok")).toBe(true));
});

it.each(walked)("%s is a page whose steps can be read, with edits of files that are there", (page) => {
  const steps = stepsOf(readFileSync(join(project, page), "utf8"));
  expect(steps.length).toBeGreaterThan(0);
});
