import { expect, it } from "vitest";
import { inEnvironment, ofTarget } from "../../../src/domain/printedCommands.ts";

it.each([
  ["run `menagerie up`", "run `menagerie up -e tried`"],
  [
    "back by `npx menagerie rollout untry iris --app 4`.",
    "back by `npx menagerie rollout untry iris --app 4 -e tried`.",
  ],
  ["`menagerie pulumi -- config rm a`", "`menagerie pulumi -e tried -- config rm a`"],
  ["`menagerie status` and `menagerie logs iris`", "`menagerie status -e tried` and `menagerie logs iris -e tried`"],
  ["`menagerie up -e other`", "`menagerie up -e other`"],
  ["`menagerie validate -s staging`", "`menagerie validate -s staging`"],
  ["`menagerie truss signature`", "`menagerie truss signature`"],
  ["run through `menagerie`, or `pulumi up`", "run through `menagerie`, or `pulumi up`"],
])("gives the commands of %j their environment", (text, expected) => {
  expect(inEnvironment(text, "tried")).toBe(expected);
});

it.each(["local", "", undefined])("leaves them as they are for the default environment (%j)", (environment) => {
  expect(inEnvironment("run `menagerie up`", environment)).toBe("run `menagerie up`");
});

it.each([
  [
    "or `menagerie rollout forward --id 41 --to 57 --skip-failing`",
    "or `menagerie rollout forward --id 41 --to 57 --skip-failing --target t.yaml`",
  ],
  [
    "by `npx menagerie rollout resume --id 7`, then `up`",
    "by `npx menagerie rollout resume --id 7 --target t.yaml`, then `up`",
  ],
  ["`menagerie rollout revert --target o.yaml --id 7`", "`menagerie rollout revert --target o.yaml --id 7`"],
  ["`menagerie rollout plan`", "`menagerie rollout plan`"],
])("gives the commands of %j the file that names their table", (text, expected) => {
  expect(ofTarget(text, "t.yaml")).toBe(expected);
  expect(ofTarget(text, undefined)).toBe(text);
});
