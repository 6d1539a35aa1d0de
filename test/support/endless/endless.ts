import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "vitest";
import { startPostgres } from "../postgres.ts";

test("starts what tests start, and waits for ever", { timeout: 0 }, async () => {
  await startPostgres();
  // As `up` starts the keeper of an environment: in a session of its own, for longer than itself.
  const script = `setInterval(() => {}, 1000); // keeper of the test`;
  const keeper = spawn(process.execPath, ["-e", script], { detached: true, stdio: "ignore" });
  keeper.unref();
  writeFileSync(process.env.ENDLESS_STARTED ?? "", JSON.stringify({ keeper: keeper.pid, folder: tmpdir() }));
  await new Promise(() => {});
});
