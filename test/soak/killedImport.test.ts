import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { silent } from "../../src/domain/progress.ts";
import { prepareEngine } from "../../src/local/engine.ts";
import { environmentLayout, menagerieCache } from "../../src/local/layout.ts";
import type { EngineTarget } from "../../src/local/target.ts";
import { ensureToolchain } from "../../src/local/toolchain/index.ts";
import { hostProcesses } from "../local/support/menagerie.ts";

/** The real engine, killed while it writes a state; programs that it runs meanwhile are in killedEngine.test.ts. */

const target = { kind: "existing", kubeconfig: "/none", gatewayUrl: "http://127.0.0.1:1" } as unknown as EngineTarget;
const points = 6;

/** A state of some megabytes, so that it takes a while to write. */
function largeState(exported: string, revision: number): string {
  const state = JSON.parse(exported) as { deployment: { resources?: unknown[] } };
  const urn = (type: string, name: string) => `urn:pulumi:local::menagerie::${type}::${name}`;
  const stack = urn("pulumi:pulumi:Stack", "menagerie-local");
  state.deployment.resources = [
    { urn: stack, custom: false, type: "pulumi:pulumi:Stack" },
    ...Array.from({ length: 300 }, (_, index) => ({
      urn: urn("pulumi:pulumi:Stack$test:index:Part", `part${index}`),
      custom: false,
      type: "test:index:Part",
      parent: stack,
      outputs: { revision, text: "x".repeat(10_000) },
    })),
  ];
  return JSON.stringify(state);
}

it("leaves a state that is whole, the one before or the new one, and a lock that the next command releases", {
  timeout: 600_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-killed-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const signal = new AbortController().signal;
  const layout = environmentLayout("killed", folder);
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress: silent, signal });
  const engine = await prepareEngine(layout, target, toolchain);
  const locks = join(layout.pulumi.backend, ".pulumi/locks/organization/menagerie/local");
  const file = join(folder, "state.json");
  const first = await engine.output(["stack", "export"]);
  const locksNow = () => readdir(locks).catch(() => []);
  const importOf = async (revision: number, killAfter?: number) => {
    await writeFile(file, largeState(first, revision));
    const begun = Date.now();
    const running = engine.capture(["stack", "import", "--file", file], signal);
    if (killAfter !== undefined) {
      const command = `${join(layout.pulumi.home, "bin", "pulumi")} stack import`;
      const isImport = (each: { readonly command: string }) => each.command.startsWith(command);
      await expect.poll(() => hostProcesses().some(isImport), { timeout: 60_000, interval: 10 }).toBe(true);
      // From the moment on at which it has its lock: before that it writes nothing.
      await expect.poll(() => locksNow(), { timeout: 60_000, interval: 1 }).not.toEqual([]);
      await new Promise((resolve) => setTimeout(resolve, killAfter));
      for (const { pid } of hostProcesses().filter(isImport)) process.kill(pid, "SIGKILL");
    }
    const { code, stderr } = await running;
    return { code, stderr, milliseconds: Date.now() - begun };
  };
  const revisionNow = async () => {
    const { code, stdout, stderr } = await engine.capture(["stack", "export"], signal);
    expect(code, stderr).toBe(0);
    const { resources } = JSON.parse(stdout).deployment as { resources: { outputs?: { revision: number } }[] };
    return { revisions: [...new Set(resources.flatMap(({ outputs }) => outputs?.revision ?? []))], resources };
  };
  const whole = await importOf(1);
  expect(whole.code, whole.stderr).toBe(0);
  let locksLeft = 0;
  for (let point = 1; point <= points; point += 1) {
    const before = (await revisionNow()).revisions;
    await importOf(point + 1, (whole.milliseconds * (point - 1)) / points);
    locksLeft += (await locksNow()).length;
    const { revisions, resources } = await revisionNow();
    expect(revisions).toHaveLength(1);
    expect([...before, point + 1]).toContain(revisions[0]);
    expect(resources).toHaveLength(301);
    expect(await locksNow()).toEqual([]);
  }
  // The first kill comes as soon as there is a lock.
  expect(locksLeft).toBeGreaterThan(0);
  const written = await readdir(layout.pulumi.backend, { recursive: true });
  expect(written.filter((name) => name.endsWith(".attrs"))).toEqual([]);
  expect(
    JSON.parse(await readFile(join(layout.pulumi.backend, ".pulumi/stacks/menagerie/local.json"), "utf8")),
  ).toBeDefined();
});
