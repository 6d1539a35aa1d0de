import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyOfCheckout, TestHome } from "./support/menagerie.ts";

const multiplierBody = '{"values": ["3.3","62.3","324"]}';

let project: string;
let home: TestHome;

beforeAll(async () => {
  project = await copyOfCheckout();
  home = await TestHome.create(project);
});

afterAll(async () => {
  await home.dispose();
  await rm(project, { recursive: true, force: true });
});

/** Runs `work` while a file of the project holds something else. */
async function withFile(path: string, content: string, work: () => Promise<void>): Promise<void> {
  const file = join(project, path);
  const before = await readFile(file, "utf8");
  await writeFile(file, content);
  try {
    await work();
  } finally {
    await writeFile(file, before);
  }
}

test("a port that is taken is told in one sentence", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const address = other.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const { code, stderr } = await home.menagerie(["up", "-e", "taken", "--gateway-port", String(port)]);
  other.close();
  expect(code).toBe(1);
  expect(stderr.trim().split("\n").at(-1)).toMatch(new RegExp(`port ${port} on 127.0.0.1 is taken`));
});

test.each([1_000, 5_000, 9_000, 14_000])("after Ctrl-C at %i ms the next `up` goes on", async (interruptAfterMs) => {
  const { code, stderr } = await home.menagerie(["up"], { interruptAfterMs });
  expect(code, stderr).toBe(130);
  expect(stderr).toMatch(/run the same command again and it goes on from here/);
});

describe("after the interruptions", () => {
  test("`up` converges and models answer", async () => {
    const { code, stderr } = await home.menagerie(["up"]);
    expect(code, stderr).toBe(0);
    const { stdout } = await home.menagerie(["predict", "multiplier", "--data", multiplierBody]);
    expect(JSON.parse(stdout)).toEqual({ results: [6.6, 124.6, 648] });
  });

  test("a model whose `load` raises is named, with its last log lines, and the old one goes on answering", async () => {
    const raising = [
      "class Model:",
      "    def load(self):",
      '        raise RuntimeError("weights.bin is not there")',
      "    def predict(self, request):",
      "        return request",
    ].join("\n");
    await withFile("models/iris/model/model.py", raising, async () => {
      const { code, stdout, stderr } = await home.menagerie(["up"]);
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(/iris/);
      expect(stdout + stderr).toMatch(/weights\.bin is not there/);
      const answer = await home.menagerie(["predict", "iris", "--data", '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}']);
      expect(JSON.parse(answer.stdout)).toMatchObject({ predictions: [0] });
    });
    expect((await home.menagerie(["up"])).code).toBe(0);
  });

  test.each([
    ["invalid YAML", "model_name: [unclosed\n", /models\/multiplier\/config\.yaml/],
    ["an unknown key type", "model_name: {}\n", /models\/multiplier\/config\.yaml.*model_name/s],
  ])("a truss with %s is told before anything changes", async (_what, content, sentence) => {
    await withFile("models/multiplier/config.yaml", content, async () => {
      const { code, stdout, stderr } = await home.menagerie(["up"]);
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(sentence);
      expect(stdout).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
    });
  });
});
