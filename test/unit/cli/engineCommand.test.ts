import { describe, expect, it } from "vitest";
import { engineArguments } from "../../../src/cli/engineCommand.ts";

describe("commands of the engine in an environment", () => {
  it.each([
    ["stack rm local --yes", "stack rm local --yes --preserve-config"],
    ["--color never stack -s local remove", "--color never stack -s local remove --preserve-config"],
    ["stack rm --preserve-config", "stack rm --preserve-config"],
    ["stack tag rm owner", "stack tag rm owner"],
    ["stack export", "stack export"],
    ["destroy --yes", "destroy --yes"],
    ["config rm menagerie:zoo", "config rm menagerie:zoo"],
  ])("%s runs as %s", (given, runs) => {
    expect(engineArguments(given.split(" "), "local").join(" ")).toBe(runs);
  });

  it.each([
    ["stack rename other", 'always "local"'],
    ["stack rename -s local other", 'always "local"'],
    ["preview -s staging", '-s staging: the stack of an environment is always "local"'],
    ["up --stack=organization/my-models/prod", 'always "local"'],
    ["watch", "menagerie watch MODEL --deploy"],
    ["destroy --remove --yes", "deletes the committed Pulumi.local.yaml"],
  ])("%s is refused", (given, says) => {
    expect(() => engineArguments(given.split(" "), "local")).toThrow(says);
  });
});
