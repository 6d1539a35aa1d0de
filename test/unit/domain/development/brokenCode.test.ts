import { expect, test } from "vitest";
import { brokenCodeLine, brokenCodeReader } from "../../../../src/domain/development/brokenCode.ts";

function told(lines: readonly string[]): string[] {
  const read = brokenCodeReader();
  return lines.flatMap((line) => {
    const found = read(line);
    return found ? [brokenCodeLine(found)] : [];
  });
}

const syntax = [
  "Traceback (most recent call last):",
  '  File "/app/main.py", line 9, in <module>',
  "    server.start()",
  '  File "/app/model/model.py", line 3',
  "    def load(self:",
  "             ^",
  "SyntaxError: '(' was never closed",
];

test("a traceback that Python writes itself", () => {
  expect(told(["INFO ready", ...syntax, "INFO stopped"])).toEqual([
    "model/model.py line 3: SyntaxError: '(' was never closed",
  ]);
});

test("a traceback in a line of JSON, as the truss servers log it", () => {
  const line = JSON.stringify({
    levelname: "ERROR",
    message: "Exception while loading model",
    exc_info: syntax.join("\n"),
  });
  expect(told([line])).toEqual(["model/model.py line 3: SyntaxError: '(' was never closed"]);
});

test("of chained exceptions each is told, and an exception outside of the truss has no place", () => {
  const lines = [
    "Traceback (most recent call last):",
    '  File "/packages/shared.py", line 1, in f',
    "KeyError: 'a'",
    "",
    "During handling of the above exception, another exception occurred:",
    "",
    "Traceback (most recent call last):",
    '  File "/opt/python/lib/python3.13/x.py", line 1, in g',
    "ValueError",
  ];
  expect(told(lines)).toEqual(["packages/shared.py line 1: KeyError: 'a'", "ValueError"]);
});

test("lines that only look alike are none", () => {
  expect(
    told(["Error: x", '{"exc_info": 3}', "{", "Traceback (most recent call last):", "another line", "KeyError: 1"]),
  ).toEqual([]);
});
