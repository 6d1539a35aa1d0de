import { execFile } from "node:child_process";
import { cp, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const project = join(import.meta.dirname, "../..");

test("menagerie truss hash takes a file of more than 2 GiB in bounded memory", async () => {
  const truss = await mkdtemp(join(tmpdir(), "menagerie-huge-"));
  try {
    await cp(join(project, "models/multiplier"), truss, { recursive: true });
    const file = await open(join(truss, "weights.bin"), "w");
    await file.truncate(2 ** 31 + 4096);
    await file.close();
    const script = `
      process.argv = [process.argv[0], "menagerie", "truss", "hash", ${JSON.stringify(truss)}];
      process.on("exit", () => console.error(process.resourceUsage().maxRSS));
      await import("./src/cli/main.ts");`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: project,
    });
    expect(stdout.trim()).toMatch(/^[0-9a-f]{64}$/);
    expect(Number(stderr.trim().split("\n").at(-1)) * 1024).toBeLessThan(400 * 1024 * 1024);
  } finally {
    await rm(truss, { recursive: true, force: true });
  }
}, 120_000);
