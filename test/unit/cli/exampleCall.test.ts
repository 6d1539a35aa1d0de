import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askedAt, exampleCalls, shownAddress } from "../../../src/cli/exampleCall.ts";

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "menagerie-examples-"));
  const trusses = {
    greeter: "- name: two people\n  input: { names: [Ada, O'Hara] }\n",
    iris: "- input: { inputs: [[1]] }\n",
    speaker: "- { path: /v1/chat/completions, input: { messages: [] } }\n- { input: { text: a } }\n",
    broken: "- name: no input\n",
  };
  for (const [name, text] of Object.entries(trusses)) {
    await mkdir(join(project, name));
    await writeFile(join(project, name, "examples.yaml"), text);
  }
});

afterAll(() => rm(project, { recursive: true, force: true }));

const called = (...names: string[]) =>
  exampleCalls(
    names.map((name) => ({ truss: name, url: `http://gateway/serving/models/${name}/v1/models/model:predict` })),
    project,
  );

test("one call for each path that the models' first examples ask", async () => {
  const calls = await called("greeter", "iris", "speaker");
  expect(calls.map((call) => call.split(" ")[2])).toEqual([
    "http://gateway/serving/models/greeter/v1/models/model:predict",
    "http://gateway/serving/models/speaker/v1/chat/completions",
  ]);
  // A shell gives the body as it was written.
  const [greeting = ""] = calls;
  const sent = execFileSync("sh", ["-c", greeting.replace(/^curl .* -d /, "printf %s ")]).toString();
  expect(JSON.parse(sent)).toEqual({ names: ["Ada", "O'Hara"] });
});

test("a model whose examples chat has a base url for OpenAI's clients, and no other has one", async () => {
  const predict = (name: string) => `http://gateway/serving/models/${name}/v1/models/model:predict`;
  const asked = (name: string) => askedAt(predict(name), join(project, name));
  const speaker = await asked("speaker");
  expect(speaker).toEqual({ url: predict("speaker"), chatUrl: "http://gateway/serving/models/speaker/v1" });
  expect(shownAddress(speaker)).toBe(speaker.chatUrl);
  for (const name of ["iris", "broken", "missing"]) {
    expect(await asked(name)).toEqual({ url: predict(name), chatUrl: null });
    expect(shownAddress(await asked(name))).toBe(predict(name));
  }
});

test("a truss without examples that can be read is asked with nothing, and a stack without models not at all", async () => {
  for (const name of ["broken", "missing"]) expect((await called(name))[0]).toMatch(/:predict .* -d '\{\}'$/);
  expect(await called()).toEqual([]);
});
