import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "js-yaml";
import { z } from "zod";
import { replayUrl } from "../domain/protocols/asked.ts";
import { projectFolder } from "../local/localStack.ts";
import type { DeployedModel } from "./models.ts";

/** A truss's `examples.yaml`: named inputs to try the model with, each with its path at the model where that is another than its `:predict`. */
const examples = z.array(z.looseObject({ input: z.json(), path: z.string().optional() })).min(1);

/**
 * `curl` lines that ask models, with the first example of each truss folder: one for each path that examples have, so that a stack shows a
 * prediction and a chat.
 */
export async function exampleCalls(
  models: readonly Pick<DeployedModel, "url" | "truss">[],
  project: string = projectFolder,
): Promise<string[]> {
  const calls = new Map<string, string>();
  for (const model of models) {
    const { path, call } = await exampleCall(model, project);
    if (!calls.has(path)) calls.set(path, call);
  }
  return [...calls.values()];
}

/** Base url for OpenAI's clients of a model that chats, by its truss's examples; undefined for one that has no example of a chat. */
export async function chatUrl(
  { url, truss }: Pick<DeployedModel, "url" | "truss">,
  project: string = projectFolder,
): Promise<string | undefined> {
  const chat = (await examplesOf(truss, project)).find(({ path }) => path?.endsWith(chatPath));
  const at = chat?.path === undefined ? undefined : replayUrl(url, chat.path);
  return at?.endsWith(chatPath) ? at.slice(0, -chatPath.length) : undefined;
}

const chatPath = "/chat/completions";

/** None where they cannot be read. */
async function examplesOf(truss: string, project: string): Promise<z.output<typeof examples>> {
  try {
    return examples.parse(load(await readFile(join(project, truss, "examples.yaml"), "utf8")));
  } catch {
    return [];
  }
}

async function exampleCall({ url, truss }: Pick<DeployedModel, "url" | "truss">, project: string) {
  const [first] = await examplesOf(truss, project);
  const { input, path = "" } = first ?? { input: {} };
  const body = JSON.stringify(input).replaceAll("'", "'\\''");
  const at = path === "" ? url : (replayUrl(url, path) ?? url);
  return { path, call: `curl -s ${at} -H 'content-type: application/json' -d '${body}'` };
}
