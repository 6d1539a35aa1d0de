import { EventSourceParserStream } from "eventsource-parser/stream";
import { z } from "zod";
import { messageOf } from "../../domain/errors.ts";
import { refuse } from "../refusals.ts";

/** One message of a conversation, as OpenAI's chat completions have it. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What is asked of a model besides the messages; what is left out is the model's default. */
export interface ChatSettings {
  readonly temperature?: number | undefined;
  readonly seed?: number | undefined;
}

/** Where a model is asked: `name` is for sentences, `url` that of its chat completions. */
export interface ChatModel {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const words = z.looseObject({ content: z.string().nullish(), refusal: z.string().nullish() });
const chunk = z.looseObject({
  choices: z.array(z.looseObject({ delta: words.optional(), message: words.optional() })).optional(),
  error: z.union([z.string(), z.looseObject({ message: z.string() })]).optional(),
});

/**
 * Asks for an answer in a stream and gives its text, which `onText` got piece by piece before. A model that does not stream is heard as well. What is
 * no text, such as a tool call, is left out.
 *
 * Throws a sentence where the model refuses the request, or says in the middle that it failed.
 */
export async function streamedChat(
  { name, url, headers }: ChatModel,
  messages: readonly ChatMessage[],
  { temperature, seed }: ChatSettings,
  onText: (text: string) => void,
): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: name, messages, temperature, seed, stream: true }),
    // A redirect would take the key elsewhere.
    redirect: "manual",
  }).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw refuse("call.unanswered", { url, cause });
  });
  if (!response.ok) {
    const body = await response.text();
    throw refuse("call.failed", { name, status: response.status, text: errorOf(parsed(body)) ?? body.trim() });
  }
  let text = "";
  const take = (data: unknown): void => {
    const error = errorOf(data);
    if (error !== undefined) throw refuse("chat.failed", { name, reason: error });
    const [choice] = chunk.safeParse(data).data?.choices ?? [];
    const said = choice?.delta ?? choice?.message;
    const piece = (said?.content ?? "") + (said?.refusal ?? "");
    if (piece === "") return;
    text += piece;
    onText(piece);
  };
  if (response.headers.get("content-type")?.startsWith("application/json")) take(parsed(await response.text()));
  else await readStream(name, response, take);
  return text;
}

async function readStream(name: string, response: Response, take: (data: unknown) => void): Promise<void> {
  const events = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = events?.getReader();
  for (;;) {
    const next = await reader?.read().catch((error: unknown) => {
      throw refuse("chat.broken-off", { name, reason: messageOf(error) });
    });
    if (!next || next.done) return;
    if (next.value.data !== "[DONE]") take(parsed(next.value.data));
  }
}

/** Undefined for what is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorOf(data: unknown): string | undefined {
  const error = chunk.safeParse(data).data?.error;
  return typeof error === "string" ? error : error?.message;
}
