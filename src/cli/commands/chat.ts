import { createInterface } from "node:readline";
import { Command, InvalidArgumentError } from "commander";
import { replayUrl } from "../../domain/protocols/asked.ts";
import { type ChatMessage, type ChatModel, type ChatSettings, streamedChat } from "../chat/streamedChat.ts";
import { ambientKey } from "../jsonBody.ts";
import { findModel, readModels } from "../models.ts";
import { environmentOption, knownEnvironment } from "../options.ts";

interface ChatOptions extends ChatSettings {
  readonly environment: string;
  readonly system?: string;
}

export function chatCommand(): Command {
  return new Command("chat")
    .addOption(environmentOption())
    .argument("<model>", "name of a model of the stack that answers /v1/chat/completions")
    .argument("[message]", "what to say (default: talk line by line, until the input ends)")
    .option("--system <text>", "a system message before the conversation")
    .option("--temperature <number>", "sampling temperature (default: the model's own)", finite)
    .option("--seed <number>", "seed of the sampling, for the same answer again (default: none)", whole)
    .addHelpText(
      "after",
      '\nExample: menagerie chat speaker "Why is the sky blue?"\nMENAGERIE_API_KEY is sent as x-api-key if it is set.',
    )
    .action(async (name: string, message: string | undefined, options: ChatOptions) => {
      const { layout } = await knownEnvironment(options.environment);
      const { url } = findModel(await readModels(layout), name);
      const model = { name, url: replayUrl(url, "/v1/chat/completions") ?? url, headers: ambientKey() };
      const begin: ChatMessage[] = options.system === undefined ? [] : [{ role: "system", content: options.system }];
      if (message === undefined) await talk(model, begin, options);
      else await say(model, [...begin, { role: "user", content: message }], options);
    });
}

/** Each line is a message; the conversation grows. */
async function talk(model: ChatModel, begin: readonly ChatMessage[], settings: ChatSettings): Promise<void> {
  const messages = [...begin];
  const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: "> " });
  if (process.stdin.isTTY) lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== "") {
      messages.push({ role: "user", content: line });
      messages.push({ role: "assistant", content: await say(model, messages, settings) });
    }
    if (process.stdin.isTTY) lines.prompt();
  }
}

async function say(model: ChatModel, messages: readonly ChatMessage[], settings: ChatSettings): Promise<string> {
  let isBegun = false;
  try {
    return await streamedChat(model, messages, settings, (text) => {
      isBegun = true;
      process.stdout.write(text);
    });
  } finally {
    if (isBegun) process.stdout.write("\n");
  }
}

function finite(value: string): number {
  const number = Number(value);
  if (value.trim() === "" || !Number.isFinite(number)) throw new InvalidArgumentError("a number, such as 0.7.");
  return number;
}

function whole(value: string): number {
  const number = finite(value);
  if (!Number.isSafeInteger(number)) throw new InvalidArgumentError("a whole number.");
  return number;
}
