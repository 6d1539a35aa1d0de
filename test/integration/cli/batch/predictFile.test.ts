import { execFile } from "node:child_process";
import { link, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  answersIn,
  type CountingModel,
  countingModel,
  predict,
  predictPath,
  sha256,
  startPredict,
} from "../../../support/batchProcess.ts";

/** `menagerie predict --file`, in a process of its own, against a real HTTP server. */

let folder: string;
let model: CountingModel;
let [file, out] = ["", ""];
let number = 0;

/** What the model answers to a body that names it. */
const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  bad: (response) => response.writeHead(400).end('{"error": "no such value"}'),
  text: (response) => response.end("it is so"),
  bytes: (response) => response.end(Buffer.from([0xff, 0xfe])),
  pretty: (response) => response.end('{\r\n  "n": 9007199254740993\r\n}\n'),
  failing: (response) => response.writeHead(500).end("oops"),
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-batch-"));
  model = await countingModel((body, response, url) => {
    const name = /"is": ?"(\w+)"/.exec(body)?.[1];
    const own = name === undefined ? undefined : answers[name];
    if (own) own(response);
    else response.end(JSON.stringify({ got: body.length, url }));
  });
});
beforeEach(() => {
  number += 1;
  file = join(folder, `r${number}.jsonl`);
  out = join(folder, `r${number}.answers.jsonl`);
  model.asked.clear();
});
afterAll(async () => {
  await model?.close();
  await rm(folder, { recursive: true, force: true });
});

const run = (...more: string[]) => predict(model.url, "--file", file, ...more);

async function byLine() {
  return new Map((await answersIn(out)).map((answer) => [answer.line, answer]));
}

describe("a file of bodies", () => {
  it("may have a byte order mark, any line ends, empty lines, and no line feed at its end", async () => {
    await writeFile(file, '\ufeff{"a": 1.0}\r\n\r\n   \n{"b": "é"}\n[3]');
    expect(await run()).toMatchObject({ code: 0, stdout: `3 lines answered: ${out}\n` });
    expect([...model.asked.keys()].sort()).toEqual(["[3]", '{"a": 1.0}', '{"b": "é"}'].sort());
    const found = await byLine();
    expect([...found.keys()].sort()).toEqual([1, 4, 5]);
    expect(found.get(1)).toMatchObject({ input_sha256: sha256('{"a": 1.0}'), ok: true, error: null });
    expect(model.headers()).toMatchObject({ "content-type": "application/json", "x-menagerie-purpose": "batch" });
  });

  it("has an answer for each line that cannot be sent, too, and the exit code says so", async () => {
    const broken = Buffer.concat([Buffer.from('{"a": 1}\n{broken\n'), Buffer.from([0x22, 0xe9, 0x22, 0x0a])]);
    await writeFile(file, broken);
    const ended = await run("--json");
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({ answered: 3, failed: 2, sent: 1, out });
    expect(ended.stderr).toContain("line 2: the line is not JSON");
    const found = await byLine();
    expect(found.get(2)).toMatchObject({ ok: false, response: null, error: { code: "not_json" } });
    expect(found.get(3)).toMatchObject({ error: { code: "not_utf8" } });
    expect(await run()).toMatchObject({ code: 1, stdout: `3 lines answered, 2 of them with an error: ${out}\n` });
    expect(model.asked.size).toBe(1);
  });

  it("keeps each answer as it came", async () => {
    const asked = ["bad", "text", "bytes", "pretty", "failing"].map((name) => `{"is": "${name}"}`);
    await writeFile(file, asked.join("\n"));
    expect((await run()).code).toBe(1);
    const found = await byLine();
    expect(found.get(1)).toMatchObject({
      response: { status_code: 400, body: { error: "no such value" } },
      error: { code: "http_400", message: 'HTTP 400: {"error": "no such value"}' },
    });
    expect(found.get(2)?.response).toMatchObject({ text: "it is so" });
    expect(found.get(3)?.response).toMatchObject({ base64: "//4=" });
    expect(await readFile(out, "utf8")).toContain('"body":{   "n": 9007199254740993 }');
    expect(found.get(5)).toMatchObject({ error: { code: "http_500" } });
    // What may have been carried out is not asked again by itself.
    expect(model.asked.get('{"is": "failing"}')).toBe(1);
  });

  it("may have a line of 20 MB", async () => {
    const long = JSON.stringify({ text: "x".repeat(20 * 1024 ** 2) });
    await writeFile(file, `{"a": 1}\n${long}\n{"b": 1}\n`);
    expect((await run()).code).toBe(0);
    expect((await byLine()).get(2)?.response?.body).toMatchObject({ got: long.length });
  });

  it("is asked at the path that --path names, for whole answers", async () => {
    await writeFile(file, '{"stream": true, "n": 1.0}\n');
    expect((await run("--path", "/v1/chat/completions")).code).toBe(0);
    expect([...model.asked.keys()]).toEqual(['{"n": 1.0}']);
    expect((await byLine()).get(1)?.response?.body).toMatchObject({ url: "/v1/chat/completions" });
  });
});

it("a file in OpenAI's format is asked at the urls of its lines, and answers have their names", async () => {
  const request = (custom_id: string, url: string) =>
    JSON.stringify({ custom_id, method: "POST", url, body: { a: url } });
  const paths = [
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v2/models/m/infer",
    predictPath,
    "/generate",
    "/v1/../control",
  ];
  await writeFile(file, paths.map((path) => request(`at ${path}`, path)).join("\n"));
  expect((await run()).code).toBe(1);
  const found = await byLine();
  const urls = paths.map((_, index) => (found.get(index + 1)?.response?.body as { url?: string } | undefined)?.url);
  expect(urls).toEqual([paths[0], paths[1], undefined, paths[3], paths[4], undefined]);
  for (const line of [3, 6]) expect(found.get(line)).toMatchObject({ error: { code: "other_path" } });
  expect(found.get(3)).toMatchObject({ custom_id: "at /v2/models/m/infer" });
});

describe("a batch that is run again", () => {
  beforeEach(async () => {
    await writeFile(file, "1\n2\n3\n4\n5\n");
    await run();
    model.asked.clear();
  });

  it("asks nothing that is answered, and answers lines that are new", async () => {
    await writeFile(file, "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n");
    expect(await run("--json")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"answered":6,"failed":0,"sent":1'),
    });
    expect([...model.asked.keys()]).toEqual(["6"]);
  });

  it("refuses a file with another line, and names the first one", async () => {
    const before = await readFile(out, "utf8");
    await writeFile(file, "1\n2\n33\n4\n55\n6\n");
    const { code, stderr } = await run();
    expect(code).toBe(2);
    expect(stderr).toContain(`${file}: line 3 is not the line that was answered in ${out}; put the line back`);
    expect(await readFile(out, "utf8")).toBe(before);
    expect(model.asked.size).toBe(0);
  });

  it("refuses a file in which a line went, came in between, or was emptied", async () => {
    for (const [content, says] of [
      ["1\n3\n4\n5\n", "line 2 is not"],
      ["0\n1\n2\n3\n4\n5\n", "line 1 is not"],
      ["1\n2\n\n4\n5\n", "line 3 is not"],
      ["1\n2\n3\n", "ends at line 3, and"],
      ["", "ends at line 0, and"],
    ] as const) {
      await writeFile(file, content);
      expect(await run(), content).toMatchObject({ code: 2, stderr: expect.stringContaining(says) });
    }
  });

  it("refuses another model's answers", async () => {
    const other = model.url.replace("model:predict", "other:predict");
    const { code, stderr } = await predict(other, "--file", file);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`has answers of ${model.url}, not of ${other}`)]);
  });

  it.each([
    ["the middle of an answer", (whole: string) => whole.slice(0, -30)],
    ["the first bytes of an answer", (whole: string) => `${whole.split("\n").slice(0, 4).join("\n")}\n{"li`],
    ["what a power cut leaves", (whole: string) => `${whole.split("\n").slice(0, 4).join("\n")}\n\0\0\0\0\n\0\0`],
  ])("goes on behind a file that ends in %s", async (_, cutOff) => {
    await writeFile(out, cutOff(await readFile(out, "utf8")));
    expect(await run("--json")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"answered":5,"failed":0,"sent":1'),
    });
    expect([...(await byLine()).keys()].sort()).toEqual([1, 2, 3, 4, 5]);
  });

  it("refuses a file of answers that somebody has edited, and leaves it as it is", async () => {
    const [first = "", ...others] = (await readFile(out, "utf8")).split("\n");
    for (const [content, says] of [
      [["hello", ...others].join("\n"), "line 1 is not an answer of a batch"],
      [[first, "", ...others].join("\n"), "line 2 is not an answer of a batch"],
      [[first, first, ...others].join("\n"), "has two answers to line 1"],
      ["notes without an end", "line 1 is not an answer of a batch"],
      ["\0\0\0\0", "line 1 is not an answer of a batch"],
    ] as const) {
      await writeFile(out, content);
      expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining(says) });
      expect(await readFile(out, "utf8")).toBe(content);
    }
    expect(model.asked.size).toBe(0);
  });
});

describe("what is not a batch", () => {
  it.each([
    ["gzip", gzipSync("1\n"), "is compressed; unpack it by gunzip"],
    ["UTF-16", Buffer.from("\ufeff1\n", "utf16le"), "is UTF-16; convert it by iconv"],
  ])("a file in %s is refused", async (_, content, says) => {
    await writeFile(file, content);
    expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining(says) });
  });

  it("a file that is not there, and a folder, are refused", async () => {
    expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be read: ENOENT") });
    file = folder;
    expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining("it is a folder") });
  });

  it("a pipe is refused, on either side: a batch is taken up again from its files", async () => {
    await promisify(execFile)("mkfifo", [file]);
    expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining("it is not a regular file") });
    const requests = `${file}.requests`;
    await writeFile(requests, "1\n");
    for (const name of [file, "/dev/null"]) {
      const ended = await predict(model.url, "--file", requests, "--out", name);
      expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("it is not a regular file") });
    }
  });

  it("the file of the requests is not that of the answers, by whatever name", async () => {
    await writeFile(file, "1\n");
    await link(file, `${file}.link`);
    await symlink(file, `${file}.symlink`);
    for (const name of [file, `${file}.link`, `${file}.symlink`]) {
      expect(await run("--out", name)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("is the file of the requests"),
      });
    }
    expect(await readFile(file, "utf8")).toBe("1\n");
  });

  it("answers need a folder that is there", async () => {
    await writeFile(file, "1\n");
    const ended = await run("--out", join(folder, "none", "answers.jsonl"));
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be used: ENOENT") });
  });

  it("an empty file has no lines, and that is all right", async () => {
    await writeFile(file, "\n\n");
    expect(await run()).toMatchObject({ code: 0, stdout: `0 lines answered: ${out}\n` });
    expect((await stat(out)).size).toBe(0);
  });

  it("needs --data or --file, and options of the one are not for the other", async () => {
    expect(await predict(model.url)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("give either --data or --file"),
    });
    expect(await predict(model.url, "--data", "1", "--file", file)).toMatchObject({ code: 2 });
    const other = await predict(model.url, "--data", "1", "--retry-all");
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("--retry-all is for --file") });
    expect(await predict(model.url, "--data", "[1]")).toMatchObject({
      code: 0,
      stdout: `{"got":3,"url":"${predictPath}"}\n`,
    });
  });
});

it("of two batches into one file the second is refused", async () => {
  const held: ServerResponse[] = [];
  const slow = await countingModel((_, response) => held.push(response));
  try {
    await writeFile(file, "1\n");
    const first = startPredict([slow.url, "--file", file]);
    await expect.poll(() => held).toHaveLength(1);
    const second = await predict(slow.url, "--file", file);
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/another batch writes to it \(pid \d+, since /),
    });
    held[0]?.end("{}");
    expect((await first.ended).code).toBe(0);
    expect(await answersIn(out)).toHaveLength(1);
  } finally {
    await slow.close();
  }
});
