import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";
import { endingWithUs } from "../../../../src/adapters/processes/deathSignal.ts";
import { processIdentity } from "../../../../src/adapters/processes/identity.mjs";

const module = join(import.meta.dirname, "../../../../src/adapters/processes/deathSignal.ts");

it("a command ends with the process that started it, even when that is killed", async () => {
  const script = `
    import { spawn } from "node:child_process";
    import { endingWithUs } from ${JSON.stringify(module)};
    const [command, args] = endingWithUs("TERM", "sleep", ["60"], process.env);
    console.log(spawn(command, args, { detached: true, stdio: "ignore" }).pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [pid] = await once(parent.stdout.setEncoding("utf8"), "data");
  await expect.poll(() => processIdentity(Number(pid))).toBeDefined();
  parent.kill("SIGKILL");
  await expect.poll(() => processIdentity(Number(pid))).toBeUndefined();
});

it("a command that is missing is started as it is, so that its own name is in the error", () => {
  expect(endingWithUs("INT", "no-such-program", ["build"], process.env)).toEqual(["no-such-program", ["build"]]);
  expect(endingWithUs("INT", "go", ["build"], { PATH: "/nonexistent" })).toEqual(["go", ["build"]]);
});
