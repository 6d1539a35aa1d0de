import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { environmentOption, givenOptions, jsonOption } from "../../../src/cli/options.ts";

/** Options of `outer inner` as a command line gives them. */
async function optionsOf(...argv: string[]): Promise<object> {
  let found = {};
  const outer = new Command("outer").enablePositionalOptions().addOption(environmentOption()).addOption(jsonOption());
  outer
    .command("inner")
    .option("-s, --stack <name>", "", "local")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action((_: unknown, command: Command) => {
      found = givenOptions(command);
    });
  await outer.parseAsync(argv, { from: "user" });
  return found;
}

describe("an option that a command and its subcommand both have", () => {
  it.each([
    ["behind the subcommand", ["inner", "--json", "-e", "other"]],
    ["before it", ["--json", "-e", "other", "inner"]],
    ["on both sides", ["-e", "other", "inner", "--json"]],
  ])("counts %s", async (_, argv) => {
    expect(await optionsOf(...argv)).toEqual({ json: true, environment: "other", stack: "local" });
  });

  it("has its default where nobody gives it", async () => {
    expect(await optionsOf("inner", "-s", "prod")).toEqual({ json: false, environment: "local", stack: "prod" });
  });
});
