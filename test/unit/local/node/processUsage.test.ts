import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it, vi } from "vitest";
import { parseMemory, parseStat, readUsage, treesOf } from "../../../../src/local/node/processUsage.ts";

const stop: (() => void)[] = [];

afterEach(() => {
  for (const each of stop.splice(0)) each();
});

it("reads a process whose command has spaces and parentheses", () => {
  const fields = "S 41 7 7 0 -1 4194560 100 0 0 0 150 50 30 20 20 0 1 0 99 0";
  expect(parseStat(`42 (a (b) c) ${fields}`)).toEqual({ pid: 42, parent: 41, ticks: 250 });
});

it("counts memory that is in no file", () => {
  expect(parseMemory("VmRSS:\t  900 kB\nRssAnon:\t  100 kB\nRssFile:\t 700 kB\nRssShmem:\t  28 kB\n")).toBe(128 * 1024);
  expect(parseMemory("State:\tZ (zombie)\n")).toBe(0);
});

it("takes what is below a process, and nothing beside it", () => {
  const process = (pid: number, parent: number) => ({ pid, parent, ticks: 1 });
  const all = [process(1, 0), process(2, 1), process(3, 2), process(4, 3), process(5, 1)];
  const trees = treesOf(all, [2, 5, 9]);
  expect([...trees].map(([root, tree]) => [root, tree.map(({ pid }) => pid)])).toEqual([
    [2, [2, 3, 4]],
    [5, [5]],
    [9, []],
  ]);
});

it("counts the processor time of children, also of those that have ended", async () => {
  // The first child burns and is waited for, the second one holds memory and stays.
  const child = spawn(
    "python3",
    [
      "-c",
      "import subprocess,sys\nsubprocess.run([sys.executable,'-c','sum(i*i for i in range(6000000))'])\nsubprocess.run([sys.executable,'-c','x=bytearray(64<<20);print(1,flush=True);input()'],stdin=0)",
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  stop.push(() => child.stdin.end());
  await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  await vi.waitFor(
    () => {
      const used = readUsage([pid]).get(pid);
      expect(used?.cpuSeconds).toBeGreaterThan(0.1);
      expect(used?.memoryBytes).toBeGreaterThan(64 * 1024 ** 2);
    },
    { timeout: 20_000 },
  );
  expect(readUsage([]).size).toBe(0);
  child.stdin.end("\n");
  await once(child, "exit");
  expect(readUsage([pid]).has(pid)).toBe(false);
});
