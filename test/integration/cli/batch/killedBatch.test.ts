import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  answersIn,
  type CountingModel,
  countingModel,
  predict,
  sha256,
  startPredict,
} from "../../../support/batchProcess.ts";

/** A batch that ends in the middle, by Ctrl-C and by kill -9, again and again: each line has its answer once. */

const lines = Array.from({ length: 10_000 }, (_, index) => `{"values": [${index + 1}]}`);
const concurrency = 8;
let folder: string;
let model: CountingModel;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-batch-"));
  model = await countingModel();
});
afterAll(async () => {
  await model?.close();
  await rm(folder, { recursive: true, force: true });
});

it("10,000 lines have each its answer once, however often the batch is killed", async () => {
  const [file, out] = [join(folder, "requests.jsonl"), join(folder, "answers.jsonl")];
  await writeFile(file, lines.join("\n"));
  const args = [model.url, "--file", file, "--out", out, "--concurrency", String(concurrency)];
  const signals = ["SIGKILL", "SIGINT", "SIGKILL", "SIGTERM", "SIGKILL", "SIGKILL"] as const;
  const answered: number[] = [];
  for (const [index, signal] of signals.entries()) {
    const until = ((index + 1) * lines.length) / (signals.length + 1);
    const { child, ended } = startPredict(args);
    await expect.poll(() => model.asked.size, { interval: 1 }).toBeGreaterThan(until);
    child.kill(signal);
    const { code, stderr } = await ended;
    // Of what is killed, the system says so.
    expect(code).toBe(signal === "SIGKILL" ? null : 130);
    if (signal !== "SIGKILL") expect(stderr).toContain("interrupted; run the same command again");
    const found = (await readFile(out, "utf8")).split("\n").length - 1;
    expect(found).toBeGreaterThan(answered.at(-1) ?? 0);
    expect(found).toBeLessThan(lines.length);
    answered.push(found);
  }
  const last = await predict(...args, "--json");
  expect(last.code, last.stderr).toBe(0);
  expect(JSON.parse(last.stdout)).toMatchObject({ answered: 10_000, failed: 0, sent: 10_000 - (answered.at(-1) ?? 0) });
  const answers = await answersIn(out);
  expect(answers.map(({ line }) => line).sort((a, b) => a - b)).toEqual(lines.map((_, index) => index + 1));
  for (const { line, input_sha256: own, response } of answers) {
    const asked = lines[line - 1] ?? "";
    expect(own).toBe(sha256(asked));
    expect(response).toMatchObject({ status_code: 200, body: { got: asked.length } });
  }
  // Asked twice is what was under way, or not written yet, when its process was killed. Whoever is interrupted waits for that.
  const twice = [...model.asked.values()].reduce((sum, times) => sum + times - 1, 0);
  expect(model.asked.size).toBe(10_000);
  expect(twice).toBeLessThanOrEqual(signals.filter((signal) => signal === "SIGKILL").length * (concurrency + 16));
});

it("a batch that is interrupted writes the answers that are under way, and a second time ends at once", async () => {
  const [file, out] = [join(folder, "slow.jsonl"), join(folder, "slow.answers.jsonl")];
  const quick = 40;
  await writeFile(file, Array.from({ length: quick + 5 }, (_, index) => `${index + 1}\n`).join(""));
  const held: (() => void)[] = [];
  let [asked, isHeld] = [0, true];
  // The first ones tell the batch how many at once this model takes.
  const slow = await countingModel((_, response) => {
    asked += 1;
    if (asked <= quick || !isHeld) response.end("{}");
    else held.push(() => response.end("{}"));
  });
  try {
    const first = startPredict([slow.url, "--file", file, "--concurrency", "3"]);
    await expect.poll(() => held).not.toEqual([]);
    first.child.kill("SIGINT");
    await expect.poll(() => first.said()).toContain("waits for the answers under way");
    isHeld = false;
    for (const answer of held.splice(0)) answer();
    expect((await first.ended).code).toBe(130);
    const { length } = await answersIn(out);
    expect([quick + 1, quick + 2, quick + 3]).toContain(length);
    isHeld = true;
    const second = startPredict([slow.url, "--file", file, "--concurrency", "3"]);
    await expect.poll(() => held).toHaveLength(1);
    second.child.kill("SIGINT");
    await expect.poll(() => second.said()).toContain("Ctrl-C again ends at once");
    second.child.kill("SIGINT");
    expect((await second.ended).code).toBe(130);
    expect(await answersIn(out)).toHaveLength(length);
  } finally {
    await slow.close();
  }
});
