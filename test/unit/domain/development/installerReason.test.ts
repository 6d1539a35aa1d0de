import { expect, test } from "vitest";
import { installerReason } from "../../../../src/domain/development/installerReason.ts";

const log = (text: string): string[] => text.split("\n");

test("what uv says last is the reason, unwrapped and without a token", () => {
  const lines = log(`{"levelname": "INFO", "message": "Applying patch"}
Using Python 3.13 environment at: /opt/python/inference
  × No solution found when resolving dependencies:
  ╰─▶ Because nothing-1 was not found in the package registry and you require
      nothing-1, we can conclude that your requirements are unsatisfiable.
{"levelname": "ERROR", "message": "Command returned non-zero exit status 1."}
INFO the model is loading`);
  expect(installerReason(lines)).toBe(
    "No solution found when resolving dependencies: Because nothing-1 was not found in the package registry and you require nothing-1, " +
      "we can conclude that your requirements are unsatisfiable.",
  );
  expect(
    installerReason(log("error: Failed to fetch: `https://u:TOKEN@i.test/simple/six/`\n  Caused by: dns error")),
  ).toBe("error: Failed to fetch: `https://***@i.test/simple/six/` Caused by: dns error");
});

test("of several failures the last counts; none says nothing", () => {
  expect(installerReason(log("error: one\nINFO\nerror: two"))).toBe("error: two");
  expect(installerReason(log("INFO a\n  indented"))).toBeUndefined();
});
