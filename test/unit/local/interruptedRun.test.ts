import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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

describe("what an engine that was killed leaves behind", () => {
  test.each([
    ["names a process that is no engine", JSON.stringify({ pid: process.pid })],
    ["was cut off while it was written", '{"pi'],
  ])("a lock that %s is taken away, with its attributes", async (_what, lock) => {
    await writeFile(join(locks, "a.json"), lock);
    await writeFile(join(locks, "a.json.attrs"), "");
    expect(await releaseDeadLocks(stack())).toBeUndefined();
    expect(await readdir(locks)).toEqual([]);
  });

  test("attributes that were cut off are taken away, whole ones and the files themselves stay", async () => {
    await writeFile(join(locks, "a.json"), "{}");
    await writeFile(join(stacks, "local.json"), "{}");
    await writeFile(join(stacks, "local.json.attrs"), "");
    await writeFile(join(stacks, "local.json.bak"), "{}");
    await writeFile(join(stacks, "local.json.bak.attrs"), '{"user.content_type":"application/json"}');
    await releaseDeadLocks(stack());
    expect((await readdir(stacks)).sort()).toEqual(["local.json", "local.json.bak", "local.json.bak.attrs"]);
  });

  test("nothing is touched where no lock was left", async () => {
    await writeFile(join(stacks, "local.json.attrs"), "");
    await releaseDeadLocks(stack());
    expect(await readdir(stacks)).toEqual(["local.json.attrs"]);
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
    expect(await releaseDeadLocks(stack())).toBeUndefined();
    expect(await pendingCreates(stack())).toEqual([]);
  });
});
