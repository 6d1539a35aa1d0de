import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const nobody = 65_534;
const reader = join(import.meta.dirname, "../../../../src/adapters/truss/snapshot.ts");
const script = `
  import { readTruss } from ${JSON.stringify(reader)};
  await readTruss(process.argv[1]).catch((error) => console.log(error.name + ": " + error.message));
`;

// Root may read everything, so another user has to look.
test.runIf(process.getuid?.() === 0).each(["model/secret.py", "model"])(
  "%s that may not be read is named",
  async (path) => {
    // The folder of a run of tests is its owner's alone.
    const folder = mkdtempSync("/tmp/menagerie-unreadable-");
    try {
      chmodSync(folder, 0o755);
      mkdirSync(join(folder, "model"));
      writeFileSync(join(folder, "config.yaml"), "");
      writeFileSync(join(folder, "model/secret.py"), "");
      chmodSync(join(folder, path), 0o000);
      const args = ["--input-type=module", "-e", script, folder];
      const { stdout } = await promisify(execFile)(process.execPath, args, { uid: nobody, gid: nobody });
      expect(stdout.trim()).toBe(
        `OperatorError: ${join(folder, path)} may not be read; change its permissions, or leave it out in .truss_ignore`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
