import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { silent } from "../../../../src/domain/progress.ts";
import { ensureEnvoy } from "../../../../src/local/toolchain/envoy.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-envoy-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const named = (file: string) => {
  const cache = join(folder, "cache");
  const { signal } = new AbortController();
  return { cache, ask: ensureEnvoy({ cache, progress: silent, signal, env: { MENAGERIE_ENVOY: file } }) };
};

it("an Envoy that is named is taken as it is, and nothing is installed", async () => {
  const { cache, ask } = named(process.execPath);
  expect(await ask).toBe(process.execPath);
  expect(existsSync(cache)).toBe(false);
});

it("a name that is nothing to run is told in one sentence", async () => {
  const file = join(folder, "envoy");
  await writeFile(file, "");
  await expect(named(file).ask).rejects.toThrow(
    `MENAGERIE_ENVOY is "${file}", which is not an executable file; name Envoy's, or unset the variable`,
  );
});
