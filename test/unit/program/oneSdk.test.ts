import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runningSdk, secondCopy, usedSdks } from "../../../src/program/oneSdk.ts";

const project = join(import.meta.dirname, "../../..");
const sdk = join(project, "node_modules/@pulumi/pulumi");

describe("the SDK that a program runs with", () => {
  it("is the one whose file the language host starts", () => {
    expect(runningSdk(join(sdk, "cmd/run"))).toBe(sdk);
    expect(runningSdk(join(sdk, "cmd/run/index.js"))).toBe(sdk);
    expect(runningSdk("/usr/bin/vitest")).toBeUndefined();
    expect(runningSdk(undefined)).toBeUndefined();
  });

  it("is the only one where every package has the same", () => {
    const used = usedSdks(import.meta.filename);
    expect([...used.keys()]).toEqual(["menagerie", "@pulumi/kubernetes", "@pulumi/postgresql"]);
    expect(secondCopy(sdk, used)).toBeUndefined();
    expect(secondCopy(undefined, used)).toBeUndefined();
  });

  it("is told apart from another copy, by the package that has it", () => {
    expect(secondCopy("/program/node_modules/@pulumi/pulumi", new Map([["@pulumi/kubernetes", sdk]]))).toBe(
      `two copies of @pulumi/pulumi: the program runs with /program/node_modules/@pulumi/pulumi, and @pulumi/kubernetes has ${sdk}; install one version that both accept (\`npm ls @pulumi/pulumi\` shows them), and install @pulumi/kubernetes rather than link to it`,
    );
  });
});
