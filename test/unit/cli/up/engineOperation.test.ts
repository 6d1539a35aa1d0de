import { describe, expect, it } from "vitest";
import { commandOf, operationOf } from "../../../../src/cli/up/engineOperation.ts";

describe("commands of the engine that may delete or replace", () => {
  it.each<[string, string | undefined]>([
    ["up --yes", "preview --json --show-sames --ignore-protect"],
    ["update -yf", "preview --json --show-sames --ignore-protect"],
    [
      "--color never up --yes --skip-preview --refresh",
      "--color never preview --refresh --json --show-sames --ignore-protect",
    ],
    ["up --diff --plan file --target a", "preview --target a --json --show-sames --ignore-protect"],
    ["destroy --yes --skip-preview", "destroy --preview-only --json --show-sames --ignore-protect"],
    ["dn", "destroy --preview-only --json --show-sames --ignore-protect"],
    ["preview --diff", undefined],
    ["stack export", undefined],
    ["config set up", undefined],
    ["refresh --yes", undefined],
    ["", undefined],
  ])("`%s`", (given, preview) => {
    const args = given.split(" ");
    const operation = operationOf(args);
    expect(operation?.preview.join(" ")).toBe(preview);
    // What runs is what was asked for.
    if (operation) expect(operation.run).toEqual(args);
  });

  it("name what they replace", () => {
    const operation = operationOf("up --replace urn:a --target-replace=urn:b=c --target urn:d".split(" "));
    expect(operation?.named).toEqual(["urn:a", "urn:b=c"]);
  });

  it("are told from values of options", () => {
    expect(commandOf("-C up stack ls".split(" "))).toBe("stack");
  });
});
