import { appendFile, cp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { Watcher } from "../local/support/watcher.ts";

/** The walk of docs/chat.md. */

const zoo = "      resources: { cpu: 500m, memory: 256Mi }\n";
const declared = `    my-speaker:
      truss: models/my-speaker
      resources: { cpu: 500m, memory: 512Mi }
  menagerie:shadows:
    chat:
      primary: { truss: models/speaker, env: { TEMPERATURE: "0.5" }, resources: { cpu: 500m, memory: 256Mi } }
      shadows:
        bold: { truss: models/speaker, env: { TEMPERATURE: "1.5" }, resources: { cpu: 500m, memory: 256Mi } }
`;
const questions = [
  "What does an otter eat?",
  "Why is the sky blue?",
  "Tell me about the moon.",
  "How does a shadow work?",
];
const seeded = ["--seed", "1"];

let shared: SharedEnvironment;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const models = join(shared.home.project, "models");
  await cp(join(models, "speaker"), join(models, "my-speaker"), { recursive: true });
  await appendFile(join(models, "my-speaker", "config.yaml"), "use_control_plane: true\n");
  await shared.editStack((text) => `${text.replace(zoo, `${zoo}      recording: {}\n`).trimEnd()}\n${declared}`);
  await shared.up();
});

afterAll(async () => {
  await shared?.close();
});

async function chat(model: string, question: string, ...args: string[]): Promise<string> {
  return (await shared.succeed("chat", model, question, ...args)).stdout.trim();
}

interface Compared {
  readonly headline: string;
  readonly result: { readonly pairs: number; readonly mismatches: number };
}

test("with a seed a model says the same again, and without one something else", async () => {
  const [question = ""] = questions;
  const said = await chat("speaker", question, ...seeded);
  expect(said).toMatch(/otter/);
  expect(await chat("speaker", question, ...seeded)).toBe(said);
  const answers = new Set<string>();
  for (let asked = 0; asked < 5; asked += 1) answers.add(await chat("speaker", question));
  expect(answers.size).toBeGreaterThan(1);
});

test("a shadow at another temperature: what may be chance is not judged, and with a seed all of it is", async () => {
  for (const question of questions) await chat("chat", question);
  const sampled = async () => (await shared.json<Compared>("compare", "chat", "--json")).headline;
  await expect.poll(sampled, { timeout: 30_000 }).toMatch(/perhaps by chance/);
  const since = new Date().toISOString();
  for (const question of questions) await chat("chat", question, ...seeded);
  const judged = async () => (await shared.json<Compared>("compare", "chat", "--json", "--since", since)).result;
  await expect.poll(judged, { timeout: 30_000 }).toMatchObject({ pairs: questions.length });
  expect((await judged()).mismatches).toBeGreaterThan(1);
});

test("recorded chats sent to a copy differ in nothing; after an edit that is watched, where it was edited", async () => {
  const since = new Date().toISOString();
  for (const question of questions) await chat("speaker", question, ...seeded);
  const replayed = async () =>
    (await shared.succeed("replay", "speaker", "--to", "my-speaker", "--since", since)).stdout;
  await expect.poll(replayed, { timeout: 60_000 }).toMatch(/^No answer differs in 4 pairs/);
  const watcher = new Watcher(shared.home, "my-speaker");
  try {
    await watcher.next("ready");
    await shared.edit("models/my-speaker/model/text.txt", (text) =>
      text.replace("because the air scatters", "because our air scatters"),
    );
    await watcher.next("in");
    expect(await chat("my-speaker", "Why is the sky blue?", ...seeded)).toMatch(/^The sky is blue because our air/);
    expect(await replayed()).toMatch(/^1 of 4 answers differs.*choices\[\*\]\.message\.content: differs/s);
  } finally {
    await watcher.interrupt();
  }
});
