import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

/** A run's last lines are all that one sees of it in many CI systems: they name what failed, and count. */

const project = join(import.meta.dirname, "../../..");
const config = join(project, "test/support/failing/vitest.config.ts");

it.each([[[]], [["--reporter=verbose"]]])(
  "a run names at its end what failed, with arguments %j",
  { timeout: 120_000 },
  (flags) => {
    const npm = spawnSync("npm", ["run", "--silent", "test:unit", "--", "--config", config, ...flags], {
      cwd: project,
      encoding: "utf8",
    });
    expect(npm.status).toBe(1);
    expect(npm.stdout.trimEnd().split("\n").slice(-5)).toEqual([
      "Failed:",
      "  test/support/failing/failing.ts > a model > says what it cannot do: the model sleeps",
      "  test/support/failing/unloadable.ts: cannot be loaded",
      "",
      "1 passed, 2 failed, 1 skipped",
    ]);
  },
);
