import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { answersIn, countingModel, predict, startPredict } from "../../../support/batchProcess.ts";

/** Batches whose target, disk or memory is not what they would like. */

const main = join(import.meta.dirname, "../../../../src/cli/main.ts");
let folder: string;
let [file, out] = ["", ""];
let number = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-batch-"));
});
beforeEach(() => {
  number += 1;
  file = join(folder, `r${number}.jsonl`);
  out = join(folder, `r${number}.answers.jsonl`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const numbers = (count: number): string => Array.from({ length: count }, (_, index) => `${index + 1}\n`).join("");

describe("a target", () => {
  it("that goes away in the middle holds the batch up until it is back; no line is lost or asked again", async () => {
    await writeFile(file, numbers(300));
    const { promise: half, resolve } = Promise.withResolvers<void>();
    let before = 0;
    const first = await countingModel((_, response) => {
      before += 1;
      if (before === 150) resolve();
      // What is asked later is not answered before the server is gone.
      if (before <= 150) response.end("{}");
    });
    const { ended, said } = startPredict([first.url, "--file", file, "--retry-all"]);
    await half;
    await first.close();
    await expect.poll(() => said()).toContain("waits");
    const second = await countingModel(undefined, first.port);
    try {
      expect(await ended).toMatchObject({ code: 0, stdout: `300 lines answered: ${out}\n` });
      expect((await answersIn(out)).map(({ line }) => line).sort((a, b) => a - b)).toHaveLength(300);
      expect(new Set([...first.asked.keys(), ...second.asked.keys()]).size).toBe(300);
    } finally {
      await second.close();
    }
  });

  it("that refuses some by 429 and 503 is left alone as long as it says, and answers all of them in the end", async () => {
    await writeFile(file, numbers(40));
    const refusals: ((response: ServerResponse) => void)[] = [
      (response) => response.writeHead(429, { "retry-after-ms": "20", "retry-after": "60" }).end("{}"),
      (response) => response.writeHead(503, { "retry-after": "0" }).end(),
      (response) => response.writeHead(429, { "retry-after": "0" }).end(),
    ];
    const model = await countingModel((body, response) => {
      const refusal = refusals[(model.asked.get(body) ?? 0) - 1];
      if (Number(body) % 10 === 0 && refusal) refusal(response);
      else response.end("{}");
    });
    try {
      const ended = await predict(model.url, "--file", file, "--json");
      expect(ended.code, ended.stderr).toBe(0);
      expect(JSON.parse(ended.stdout)).toMatchObject({ answered: 40, failed: 0, sent: 40 + 4 * 3 });
    } finally {
      await model.close();
    }
  });

  it("that refuses the key ends the batch, with nothing written; another key goes on", async () => {
    await writeFile(file, numbers(100));
    const refused = JSON.stringify({ error: { code: "invalid_api_key", message: "the API key is wrong or revoked" } });
    const model = await countingModel((_, response) => {
      const isRight = model.headers()["x-api-key"] === "right";
      if (isRight) response.end("{}");
      else response.writeHead(401, { "content-type": "application/json" }).end(refused);
    });
    try {
      const wrong = await predict(model.url, "--file", file, "--api-key", "wrong");
      expect(wrong).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("HTTP 401: the API key is wrong or revoked; set"),
      });
      expect(await answersIn(out)).toEqual([]);
      expect(await predict(model.url, "--file", file, "--api-key", "right")).toMatchObject({ code: 0 });
      expect(await answersIn(out)).toHaveLength(100);
    } finally {
      await model.close();
    }
  });

  it("that breaks off in an answer, or takes too long, has failed that line", async () => {
    await writeFile(file, "1\n2\n3\n");
    const model = await countingModel((body, response) => {
      if (body === "1") response.writeHead(200, { "content-length": "100" }).write("half");
      if (body === "1") setTimeout(() => response.destroy(), 20);
      if (body === "3") response.end("{}");
    });
    try {
      const ended = await predict(model.url, "--file", file, "--timeout", "5");
      expect(ended.code).toBe(1);
      const found = new Map((await answersIn(out)).map((answer) => [answer.line, answer.error?.code ?? null]));
      expect([found.get(1), found.get(2), found.get(3)]).toEqual(["connection_broken", "timeout", null]);
      expect([...model.asked.values()]).toEqual([1, 1, 1]);
    } finally {
      await model.close();
    }
  });
});

describe("a disk", () => {
  it("that is full ends the batch with whole answers, and it goes on when there is room", async () => {
    await writeFile(file, numbers(2_000));
    const model = await countingModel();
    // A disk of its own, which is full after some 64 KiB; then it is larger.
    const script = `
      mount -t tmpfs -o size=64k none "$1"; run() { "$2" "$3" predict "$4" --file "$5" --out "$1/answers.jsonl"; }
      run "$@"; echo "exit $?"; tail -c 1 "$1/answers.jsonl" | od -An -c
      run "$@"; echo "exit $?"
      mount -o remount,size=4m "$1"; run "$@"; echo "exit $?"; cat "$1/answers.jsonl" > "$6"`;
    const disk = await mkdtemp(join(folder, "disk-"));
    try {
      const args = ["-rm", "sh", "-c", script, "sh", disk, process.execPath, main, model.url, file, out];
      const child = spawn("unshare", args, { env: { ...process.env, NO_COLOR: "1", MENAGERIE_HOME: "/nonexistent" } });
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
      expect(stdout.match(/exit \d/g), stderr).toEqual(["exit 1", "exit 1", "exit 0"]);
      expect(stdout).toContain("\\n");
      expect(stderr).toMatch(/answers.jsonl cannot be (written|used): ENOSPC/);
      const answered = (await answersIn(out)).map(({ line }) => line).sort((a, b) => a - b);
      expect(answered).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1));
    } finally {
      await model.close();
    }
  });
});

describe("memory", () => {
  it("does not grow with the file", async () => {
    const line = JSON.stringify({ text: "x".repeat(1024 ** 2) });
    const handle = await open(file, "w");
    for (let index = 0; index < 400; index += 1) await handle.write(`${line}\n`);
    await handle.close();
    const model = await countingModel();
    let most = 0;
    const { child, ended } = startPredict([model.url, "--file", file], { NODE_OPTIONS: "--max-old-space-size=128" });
    const watching = setInterval(async () => {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
      most = Math.max(most, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024);
    }, 20);
    try {
      expect((await ended).code).toBe(0);
      expect(most).toBeGreaterThan(50);
      expect(most).toBeLessThan(400);
    } finally {
      clearInterval(watching);
      await model.close();
      await rm(file);
    }
  });

  it("does not grow with a line that has no end: it is too long, and the others are answered", async () => {
    await writeFile(file, "1\n");
    await promisify(execFile)("truncate", ["-s", "1G", file]);
    await promisify(execFile)("sh", ["-c", 'printf "\\n2\\n" >> "$1"', "sh", file]);
    const model = await countingModel();
    try {
      const options = { NODE_OPTIONS: "--max-old-space-size=128" };
      expect((await startPredict([model.url, "--file", file], options).ended).code).toBe(1);
      const found = (await answersIn(out)).map(({ line, error }) => [line, error?.code ?? null]);
      expect(found.sort()).toEqual([
        [1, null],
        [2, "line_too_long"],
        [3, null],
      ]);
      const again = await startPredict([model.url, "--file", file, "--json"], options).ended;
      expect(JSON.parse(again.stdout)).toMatchObject({ answered: 3, failed: 1, sent: 0 });
    } finally {
      await model.close();
      await rm(file);
    }
  });
});
