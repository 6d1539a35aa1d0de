import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { pendingCreates, releaseDeadLocks } from "../../../src/local/interruptedRun.ts";

let backend: string;
let locks: string;
let stacks: string;

const stack = () => ({ backend, project: "menagerie", stack: "local" });

beforeEach(async () => {
  backend = await mkdtemp(join(tmpdir(), "menagerie-backend-"));
  locks = join(backend, ".pulumi/locks/organization/menagerie/local");
  stacks = join(backend, ".pulumi/stacks/menagerie");
  await mkdir(locks, { recursive: true });
  await mkdir(stacks, { recursive: true });
});

afterEach(async () => {
  await rm(backend, { recursive: true, force: true });
});

/** Has dead locks released by what `pulumi cancel` does; answers the holder, and how often it was run. */
async function release() {
  const cancel = vi.fn(async () => {
    for (const name of await readdir(locks)) await rm(join(locks, name));
  });
  const holder = await releaseDeadLocks(stack(), cancel);
  return { holder, cancels: cancel.mock.calls.length };
}

/** A process that looks like an engine. */
async function startEngine(): Promise<number> {
  const program = join(backend, "pulumi");
  await symlink("/bin/sleep", program);
  const engine = spawn(program, ["60"], { stdio: "ignore" });
  onTestFinished(() => void engine.kill("SIGKILL"));
  await once(engine, "spawn");
  return engine.pid ?? 0;
}

describe("what an engine that was killed leaves behind", () => {
  test.each([
    ["names a process that is not an engine", "a.json", JSON.stringify({ pid: process.pid })],
    ["was cut off while it was written", "a.json", '{"pi'],
    ["did not get its name", "a.json.18f0.tmp", '{"pid":'],
  ])("a lock that %s is released by the engine's own command", async (_what, name, lock) => {
    await writeFile(join(locks, name), lock);
    expect(await release()).toEqual({ holder: undefined, cancels: 1 });
    expect(await release()).toEqual({ holder: undefined, cancels: 0 });
  });

  test("an engine that is at work keeps its lock, and another one's that was left", async () => {
    const pid = await startEngine();
    await writeFile(join(locks, "a.json"), JSON.stringify({ pid }));
    await writeFile(join(locks, "b.json"), JSON.stringify({ pid: process.pid }));
    expect(await release()).toEqual({ holder: pid, cancels: 0 });
  });

  test("a lock that an engine is giving its name is not taken away", async () => {
    const pid = await startEngine();
    await writeFile(join(locks, "a.json.18f0.tmp"), "");
    const released = release();
    await writeFile(join(locks, "a.json"), JSON.stringify({ pid }));
    await rm(join(locks, "a.json.18f0.tmp"));
    expect(await released).toEqual({ holder: pid, cancels: 0 });
  });

  test("two commands that find one dead lock have it released once, so that the engine of the first keeps its own", async () => {
    await writeFile(join(locks, "dead.json"), JSON.stringify({ pid: process.pid }));
    const pid = await startEngine();
    const cancelAndStart = async () => {
      await rm(join(locks, "dead.json"));
      await writeFile(join(locks, "first.json"), JSON.stringify({ pid }));
    };
    const both = await Promise.all([1, 2].map(() => releaseDeadLocks(stack(), cancelAndStart)));
    expect(both.filter((holder) => holder === pid)).toHaveLength(1);
    expect(await readdir(locks)).toEqual(["first.json"]);
  });

  test("attributes without a file, of an engine that kept them, are no lock", async () => {
    await writeFile(join(locks, "a.json.attrs"), "");
    expect(await release()).toEqual({ holder: undefined, cancels: 0 });
  });

  test("creates that were begun are told, other operations are not", async () => {
    const operation = (type: string, urn: string) => ({ type, resource: { urn } });
    await writeFile(
      join(stacks, "local.json"),
      JSON.stringify({
        checkpoint: {
          latest: { pending_operations: [operation("creating", "urn:a"), operation("updating", "urn:b")] },
        },
      }),
    );
    expect(await pendingCreates(stack())).toEqual(["urn:a"]);
  });

  test("a backend that nothing ran in has neither", async () => {
    await rm(backend, { recursive: true });
    expect(await release()).toEqual({ holder: undefined, cancels: 0 });
    expect(await pendingCreates(stack())).toEqual([]);
  });
});
