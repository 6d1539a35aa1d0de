import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SharedEnvironment } from "../support/sharedEnvironment.ts";

/** What is wrong with a truss is told, what serves goes on serving, and goes by nobody's mistake. */

let shared: SharedEnvironment;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  // What another file declared goes first: its removal would be asked for.
  await shared.up();
});

afterAll(() => shared.close());

/** Runs `work` while a file of the project holds something else. */
async function withFile(path: string, content: string, work: () => Promise<void>): Promise<void> {
  const before = await shared.edit(path, () => content);
  try {
    await work();
  } finally {
    await writeFile(join(shared.home.project, path), before);
  }
}

test.each([
  ["invalid YAML", "model_name: [unclosed\n", /models\/multiplier\/config\.yaml/],
  ["an unknown key type", "model_name: {}\n", /models\/multiplier\/config\.yaml.*model_name/s],
])("a truss with %s is told before anything changes", async (_what, content, sentence) => {
  await withFile("models/multiplier/config.yaml", content, async () => {
    const { code, stdout, stderr } = await shared.home.menagerie(["up"]);
    expect(code).toBe(2);
    expect(stdout + stderr).toMatch(sentence);
    expect(stdout).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
  });
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
    const { code, stdout, stderr } = await shared.home.menagerie(["up"]);
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/iris/);
    expect(stdout + stderr).toMatch(/weights\.bin is not there/);
    expect(await shared.json("predict", "iris", "--data", '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}')).toMatchObject({
      predictions: [0],
    });
  });
  await shared.up();
  expect(await shared.json("predict", "iris", "--data", '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}')).toMatchObject({
    predictions: [0],
  });
});

test("a model that the stack file no longer has is not deleted without a yes", async () => {
  const before = await shared.editStack((text) => text.replace(/^ {4}multiplier:\n(?: {6}.*\n)+/m, ""));
  const refused = await shared.home.menagerie(["up"]);
  expect([refused.code, refused.stderr]).toEqual([
    3,
    expect.stringMatching(/nothing was done; add --yes-delete multiplier/),
  ]);
  await writeFile(shared.stackFile, before);
  // Nor does anything of a model that failed to load wait to be deleted under the name of what serves.
  expect((await shared.up()).stdout).toMatch(/\d+ unchanged/);
});
