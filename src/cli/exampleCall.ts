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

/** Where a model is asked. */
export interface AskedAt {
  /** Where it is predicted with. */
  readonly url: string;
  /** Base url for OpenAI's clients, where its truss has an example of a chat; null where it has none. */
  readonly chatUrl: string | null;
}

/** Both addresses of a model. @param truss - its folder, whose examples say whether it chats */
export async function askedAt(url: string, truss: string): Promise<AskedAt> {
  const chat = (await examplesOf(truss)).find(({ path }) => path?.endsWith(chatPath));
  const at = chat?.path === undefined ? undefined : replayUrl(url, chat.path);
  return { url, chatUrl: at?.endsWith(chatPath) ? at.slice(0, -chatPath.length) : null };
}

/** The one that people are shown. */
export function shownAddress({ url, chatUrl }: AskedAt): string {
  return chatUrl ?? url;
}

const chatPath = "/chat/completions";

/** None where they cannot be read. */
async function examplesOf(folder: string): Promise<z.output<typeof examples>> {
  try {
    return examples.parse(load(await readFile(join(folder, "examples.yaml"), "utf8")));
  } catch {
    return [];
  }
}

async function exampleCall({ url, truss }: Pick<DeployedModel, "url" | "truss">, project: string) {
  const [first] = await examplesOf(join(project, truss));
  const { input, path = "" } = first ?? { input: {} };
  const body = JSON.stringify(input).replaceAll("'", "'\\''");
  const at = path === "" ? url : (replayUrl(url, path) ?? url);
  return { path, call: `curl -s ${at} -H 'content-type: application/json' -d '${body}'` };
}
