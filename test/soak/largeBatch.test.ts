import { fork } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type AnswerOfFile, type Running, startPredict } from "../support/batchProcess.ts";
import { LargeFile } from "../support/largeBatch/lines.ts";
import type { Asked, Moment } from "../support/largeBatch/server.ts";

/**
 * `menagerie predict --file` with a file of 10 GB (MENAGERIE_SOAK_BATCH_BYTES), against a server that does nothing but to count. The file has
 * CRLF, empty lines, lines that are no JSON and no UTF-8, and two of 20 MB.
 */

const wholeBytes = 10 * 1024 ** 3;
const bytes = Number(process.env.MENAGERIE_SOAK_BATCH_BYTES ?? wholeBytes);
const content = new LargeFile(bytes);
const server = fork(join(import.meta.dirname, "../support/largeBatch/server.ts"), [String(content.lines)]);
let folder: string;
let [file, out, url] = ["", "", ""];
let size = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-large-batch-"));
  [file, out] = [join(folder, "requests.jsonl"), join(folder, "answers.jsonl")];
  const [{ port }] = (await once(server, "message")) as [{ port: number }];
  url = `http://127.0.0.1:${port}/v1/models/model:predict`;
  const began = performance.now();
  size = await content.write(file);
  tell(`${(size / 1e9).toFixed(2)} GB in ${content.lines} lines, written in ${since(began)} s`);
});

afterAll(async () => {
  server.disconnect();
  await rm(folder, { recursive: true, force: true });
});

const patient = { timeout: 3_500_000, interval: 200 };
const tell = (what: string): void => console.log(`${what} (load ${loadavg()[0]?.toFixed(1)})`);
const since = (began: number): string => ((performance.now() - began) / 1000).toFixed(1);

async function asked(): Promise<Asked> {
  server.send("tell");
  const [told] = (await once(server, "message")) as [Asked];
  return told;
}

interface Part extends Running {
  /** In milliseconds since 1970. */
  readonly begunAt: number;
  /** What it said while it ran, each with when it was said. */
  readonly statuses: readonly { readonly at: number; readonly text: string }[];
  /** MiB of memory at most, until now. */
  readonly memory: () => number;
  /** Seconds of the processor, which tell more than those of the clock on a machine that does other things too. */
  readonly processor: () => number;
}

/** One run of the command, watched. */
function start(): Part {
  const begunAt = Date.now();
  // Of a machine with less memory: what V8 may keep is not what it needs.
  const running = startPredict([url, "--file", file, "--out", out, "--json"], {
    NODE_OPTIONS: "--max-old-space-size=128",
  });
  const statuses: { at: number; text: string }[] = [];
  running.child.stderr?.on("data", (text: string) => statuses.push({ at: Date.now(), text }));
  let [most, ticks] = [0, 0];
  const watching = setInterval(async () => {
    const [status = "", usage = ""] = await Promise.all(
      ["status", "stat"].map((name) => readFile(`/proc/${running.child.pid}/${name}`, "utf8").catch(() => "")),
    );
    most = Math.max(most, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024);
    // utime and stime of proc(5), in hundredths of a second.
    const [user, system] = usage.split(") ")[1]?.split(" ").slice(11, 13) ?? [];
    ticks = Math.max(ticks, Number(user ?? 0) + Number(system ?? 0));
  }, 100);
  running.child.once("close", () => clearInterval(watching));
  return { ...running, begunAt, statuses, memory: () => most, processor: () => ticks / 100 };
}

/** Until so great a share of the file's bytes has been asked. */
async function until(share: number, { child }: Part): Promise<void> {
  await vi.waitFor(async () => {
    const { size: answered } = await stat(out);
    // Answers are alike: their share is that of the lines.
    expect(child.exitCode).toBeNull();
    expect(answered / (content.lines * bytesOfAnswer)).toBeGreaterThan(share);
  }, patient);
}

/** Of an average line of answers. */
let bytesOfAnswer = Number.POSITIVE_INFINITY;

async function linesAnswered(): Promise<number> {
  let count = 0;
  for await (const piece of createReadStream(out)) {
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) count += 1;
  }
  return count;
}

/** What was asked a second, and how long the rest takes at that speed, by what the server counted in the 30 s before. */
function measured(moments: readonly Moment[], at: number) {
  const last = moments.findLast((moment) => moment.at <= at);
  const first = last && moments.find((moment) => moment.at >= last.at - 30_000);
  if (!last || !first || last.at - first.at < 2_000) return undefined;
  const seconds = (last.at - first.at) / 1000;
  return {
    perSecond: (last.requests - first.requests) / seconds,
    secondsLeft: (size - last.bytes) / ((last.bytes - first.bytes) / seconds),
  };
}

const unitSeconds = { s: 1, min: 60, h: 3_600 };

function shown(text: string): { readonly perSecond: number; readonly secondsLeft: number } | undefined {
  const [, perSecond, left, unit] = /([\d,.]+) per second, .* ([\d.]+) (s|min|h) left/.exec(text) ?? [];
  if (perSecond === undefined || unit === undefined) return undefined;
  const seconds = unitSeconds[unit as keyof typeof unitSeconds];
  return { perSecond: Number(perSecond.replaceAll(",", "")), secondsLeft: Number(left) * seconds };
}

test("a tenth is asked, and Ctrl-C leaves whole answers", async () => {
  const part = start();
  await vi.waitFor(async () => expect((await stat(out)).size).toBeGreaterThan(100_000), patient);
  bytesOfAnswer = (await stat(out)).size / (await linesAnswered());
  await until(0.1, part);
  part.child.kill("SIGINT");
  expect((await part.ended).code).toBe(130);
  expect(part.memory()).toBeLessThan(400);
  expect((await asked()).requests).toBeGreaterThan(0);
});

test("it goes on, tells its rate and the time that is left, and is killed at nine tenths", async () => {
  const before = await asked();
  const part = start();
  await until(0.9, part);
  part.child.kill("SIGKILL");
  await part.ended;
  const { moments, bytes: total, requests } = await asked();
  const seconds = (Date.now() - part.begunAt) / 1000;
  const perLine = (1000 * part.processor()) / (requests - before.requests);
  tell(
    `from 10 to 90 % in ${seconds.toFixed(0)} s, ${((total - before.bytes) / 1e6 / seconds).toFixed(0)} MB/s, ${perLine.toFixed(2)} ms of the processor a line, ${part.memory().toFixed(0)} MiB of memory`,
  );
  expect(part.memory()).toBeGreaterThan(50);
  expect(part.memory()).toBeLessThan(400);
  const told = part.statuses.flatMap(({ at, text }) => {
    const [said, found] = [shown(text), measured(moments, at)];
    return said && found ? [{ said, found }] : [];
  });
  // Each is told after 15 s and more.
  if (seconds > 45) expect(told).not.toEqual([]);
  for (const { said, found } of told) {
    expect(said.perSecond / found.perSecond, JSON.stringify({ said, found })).toBeGreaterThan(0.8);
    expect(said.perSecond / found.perSecond, JSON.stringify({ said, found })).toBeLessThan(1.25);
    expect(said.secondsLeft / found.secondsLeft, JSON.stringify({ said, found })).toBeGreaterThan(0.7);
    expect(said.secondsLeft / found.secondsLeft, JSON.stringify({ said, found })).toBeLessThan(1.4);
  }
});

test("a late line that was edited is refused before anything is asked", async () => {
  const { requests } = await asked();
  const answered = (await stat(out)).size;
  let line = Math.round(content.lines * 0.8);
  while (content.kindOf(line) !== "request") line += 1;
  const place = content.placeOf(line);
  const putBack = await exchange(place, "X");
  const part = start();
  const { code, stderr } = await part.ended;
  tell(`refused after ${((Date.now() - part.begunAt) / 1000).toFixed(1)} s, ${part.processor()} s of the processor`);
  expect(code).toBe(2);
  expect(stderr).toContain(`line ${line} is not the line that was answered in ${out}`);
  expect(part.memory()).toBeLessThan(400);
  expect((await asked()).requests).toBe(requests);
  expect((await stat(out)).size).toBe(answered);
  await exchange(place, putBack);
});

test("a late line is found again soon, and all lines are answered once", async () => {
  const { requests: before } = await asked();
  const part = start();
  const { code, stdout, stderr } = await part.ended;
  const { requests, lines, firstAt = 0 } = await asked();
  tell(
    `the first request after ${((firstAt - part.begunAt) / 1000).toFixed(1)} s, all in ${part.processor()} s of the processor`,
  );
  expect(code, stderr).toBe(1);
  expect(part.memory()).toBeLessThan(400);
  const kinds = { request: 0, long: 0, empty: 0, not_json: 0, not_utf8: 0 };
  for (let line = 1; line <= content.lines; line += 1) kinds[content.kindOf(line)] += 1;
  const failed = kinds.not_json + kinds.not_utf8;
  expect(JSON.parse(stdout)).toMatchObject({ answered: content.lines - kinds.empty, failed, sent: requests - before });
  // Asked twice is what was under way when its process was killed.
  expect(lines).toBe(kinds.request + kinds.long);
  expect(requests - lines).toBeLessThanOrEqual(4 + 16);
});

test("the answers are those of their lines", async () => {
  const seen = new Uint8Array(content.lines + 1);
  for await (const text of createInterface({ input: createReadStream(out) })) {
    const answer = JSON.parse(text) as AnswerOfFile;
    const { line } = answer;
    seen[line] = (seen[line] ?? 0) + 1;
    const kind = content.kindOf(line);
    if (kind === "request" && line % 100 !== 0) {
      // What is compared line by line below would take as long as the batch.
      if ((answer.response?.body as { n?: number } | undefined)?.n !== line) throw new Error(text);
      continue;
    }
    const own = content.contentOf(line);
    expect(answer.input_sha256).toBe(hash("sha256", own, "hex"));
    if (kind === "request" || kind === "long") {
      expect(answer).toMatchObject({ ok: true, response: { body: { n: line, bytes: own.length } } });
    } else expect(answer).toMatchObject({ ok: false, response: null, error: { code: kind } });
  }
  for (let line = 1; line <= content.lines; line += 1) {
    if (seen[line] !== (content.kindOf(line) === "empty" ? 0 : 1)) throw new Error(`line ${line}: ${seen[line]}`);
  }
});

/** Writes one character into the file; answers what was there. */
async function exchange(place: number, character: string): Promise<string> {
  const handle = await open(file, "r+");
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, place);
    await handle.write(character, place);
    return buffer.toString("latin1");
  } finally {
    await handle.close();
  }
}
