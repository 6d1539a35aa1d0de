import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { readStack } from "../../../src/cli/stackText.ts";
import { declaredIn } from "../../../src/cli/up/declaredModels.ts";

const file = join(tmpdir(), `menagerie-stack-text-${process.pid}.yaml`);
const text = "config:\n  kubeContext: other\n  zoo: { iris: {} }\n  menagerie:config:shadows: { next: {} }\n";

beforeAll(async () => {
  await writeFile(file, text);
  vi.stubEnv("PULUMI_OPTION_CONFIG_FILE", file);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(file);
});

it("has every key with its prefix, however it is written, in the file that the engine is told to read", async () => {
  const { path, reading } = await readStack("staging");
  expect(path).toBe(file);
  expect(reading.config["menagerie:kubeContext"]).toBe("other");
  expect(declaredIn(reading.config)).toEqual({ zoo: ["iris"], development: [], shadows: ["next"] });
});

it("is the checkout's for the stack of environments, whose engine is told of a file of its own", async () => {
  expect((await readStack("local")).file).toBe("Pulumi.local.yaml");
});

it("is refused where there is none", async () => {
  vi.stubEnv("PULUMI_OPTION_CONFIG_FILE", "");
  await expect(readStack("stagin")).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(/^stack "stagin": there is no Pulumi\.stagin\.yaml in .*; choose another$/),
  });
});
