import { readlinkSync } from "node:fs";
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { withLock } from "../../../../src/adapters/processes/lock.mjs";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-lock-"));
  path = join(folder, "lock");
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("a lock between processes", () => {
  test("lets one work at a time, tells the others once that they wait, and leaves nothing behind", async () => {
    let atWork = 0;
    let most = 0;
    let waits = 0;
    const work = async () => {
      atWork += 1;
      most = Math.max(most, atWork);
      // The first works until the others are told that they wait.
      await expect.poll(() => waits).toBe(2);
      atWork -= 1;
    };
    const onWait = () => {
      waits += 1;
    };
    await Promise.all([1, 2, 3].map(() => withLock(path, { onWait }, work)));
    expect([most, waits]).toEqual([1, 2]);
    await expect(readFile(path)).rejects.toThrow("ENOENT");
  });

  test("of a process that has ended is broken", async () => {
    const dead = { pid: 4_194_305, identity: "gone", pidNamespace: readlinkSync("/proc/self/ns/pid"), since: "" };
    await writeFile(path, JSON.stringify(dead));
    expect(await withLock(path, {}, () => Promise.resolve("done"))).toBe("done");
  });

  test("of a process in another PID namespace is broken once it goes silent", async () => {
    await writeFile(path, JSON.stringify({ pid: 1, identity: "unknown", pidNamespace: "elsewhere", since: "" }));
    const past = new Date(Date.now() - 120_000);
    await utimes(path, past, past);
    expect(await withLock(path, {}, () => Promise.resolve("done"))).toBe("done");
  });

  test("ends the wait when its signal aborts", async () => {
    const controller = new AbortController();
    await withLock(path, {}, async () => {
      const waiting = withLock(path, { signal: controller.signal, onWait: () => controller.abort() }, async () => {});
      await expect(waiting).rejects.toThrow("aborted");
    });
  });
});
