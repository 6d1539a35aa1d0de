import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { configFileOption, isPartial } from "../../../src/plan/engineAbove.ts";
import { declaredStack } from "../../../src/plan/stackFile.ts";

let project: string;
const defaults = { gatewayUrl: "http://127.0.0.1:8080" };
const settings =
  "name: menagerie\nruntime: nodejs\nconfig:\n  menagerie:namespace: { type: string, default: models }\n";

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), "menagerie-stack-file-"));
  vi.stubEnv("PULUMI_OPTION_CONFIG_FILE", "");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(project, { recursive: true, force: true });
});

/** What the program declares; `config` is what the engine passes. */
const checked = (config: Record<string, string>) => declaredStack({ project, stack: "s", config, defaults });
const write = (file: string, text: string) => writeFile(join(project, file), text);

describe("a stack without a file of its own", () => {
  it("is refused where the engine passes nothing but the project's defaults", async () => {
    await write("Pulumi.yaml", settings);
    const says = /^Pulumi\.s\.yaml: declares nothing, .* `menagerie destroy -s s`$/;
    await expect(checked({ "menagerie:namespace": "models" })).rejects.toThrow(says);
  });

  it("is right where its config comes from elsewhere, also without a project file beside the program", async () => {
    const config = { "menagerie:namespace": "zoo", "menagerie:nodeClass": "local" };
    expect(await checked(config)).toMatchObject({ namespace: "zoo" });
    await write("Pulumi.yaml", settings);
    expect(await checked(config)).toMatchObject({ namespace: "zoo" });
    await expect(checked({ ...config, "menagerie:namespace": "a_b" })).rejects.toThrow('"a_b" is not allowed');
  });

  it("is refused where a file is named that cannot be read", async () => {
    vi.stubEnv("PULUMI_OPTION_CONFIG_FILE", join(project, "other.yaml"));
    await expect(checked({ "menagerie:namespace": "zoo" })).rejects.toThrow(/other\.yaml cannot be read/);
  });
});

describe("a stack file", () => {
  it("is found in the folder that the project names", async () => {
    await mkdir(join(project, "stacks"));
    await write("Pulumi.yaml", `${settings}stackConfigDir: stacks\n`);
    await write("stacks/Pulumi.s.yaml", "confg: {}\n");
    await expect(checked({})).rejects.toThrow('confg: unknown key; did you mean "config"?');
  });

  it("is judged with what an `environment:` adds, which only the engine knows", async () => {
    await write("Pulumi.s.yaml", "environment: [shared]\nconfig:\n  menagerie:nodeClass: local\n");
    expect(await checked({ "menagerie:nodeClass": "local", "menagerie:namespace": "zoo" })).toMatchObject({
      namespace: "zoo",
    });
    const wrong = { "menagerie:nodeClass": "local", "menagerie:namespace": "a_b" };
    await expect(checked(wrong)).rejects.toThrow('menagerie:namespace: "a_b" is not allowed');
  });
});

it.each([
  [["pulumi", "up", "--config-file", "a.yaml"], "a.yaml"],
  [["pulumi", "up", "--config-file=a.yaml"], "a.yaml"],
  [["pulumi", "up"], undefined],
])("%j names %s", (args, file) => {
  expect(configFileOption(args)).toBe(file);
});

it.each([
  [["pulumi", "up", "--target", "urn"], true],
  [["pulumi", "up", "-t=urn"], true],
  [["pulumi", "up", "--exclude=urn"], true],
  [["pulumi", "up", "--target-dependents"], false],
  [["pulumi", "up", "--yes"], false],
])("%j is about a part of the stack: %s", (args, partial) => {
  expect(isPartial(args)).toBe(partial);
});
