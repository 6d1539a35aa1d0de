import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ModuleDownloads } from "../../../../src/local/toolchain/moduleDownloads.ts";

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "module-cache-"));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

async function put(file: string, bytes: number): Promise<void> {
  const path = join(cache, "cache", "download", file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, Buffer.alloc(bytes));
}

it("downloads are told in modules and bytes, as far as they have come", async () => {
  const downloads = new ModuleDownloads({ GOMODCACHE: cache });
  expect(await downloads.describe()).toBeUndefined();
  downloads.takeLine("go: downloading k8s.io/api v0.36.3");
  downloads.takeLine("k8s.io/api/core/v1");
  expect(await downloads.describe()).toBe("1 module, 0 MB");
  await put("k8s.io/api/@v/v0.36.3.zip", 2_000_000);
  // Capitals are written as the cache writes them.
  downloads.takeLine("go: downloading github.com/Azure/go-ntlmssp v0.1.0");
  await put("github.com/!azure/go-ntlmssp/@v/v0.1.0.zip", 1_000_000);
  expect(await downloads.describe()).toBe("2 modules, 3 MB");
});
