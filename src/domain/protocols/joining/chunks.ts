import type { Joined, Joiner, StreamEvent } from "../join.ts";
import { eventObject, indexOf, inOrder, isObject, type Json, listOf, objectOf } from "./json.ts";
import { Parts } from "./parts.ts";

/** What `object` is of an answer that came whole. */
type Whole = "chat.completion" | "text_completion";

/** Joins the chunks of OpenAI's chat completions and of its older completions. */
export class ChunkJoiner implements Joiner {
  readonly #object: Whole;
  readonly #head = new Map<string, unknown>();
  readonly #choices = new Map<number, Choice>();
  #firstTokenMs: number | null = null;
  #error: unknown;
  #isDone = false;
  #isUnread = false;

  constructor(object: Whole) {
    this.#object = object;
  }

  add(event: StreamEvent): void {
    if (event.data.trim() === "[DONE]") {
      this.#isDone = true;
      return;
    }
    const chunk = eventObject(event);
    const error = errorOf(event, chunk);
    if (error !== undefined) this.#error ??= error;
    else if (!chunk) this.#isUnread = true;
    if (!chunk || (error !== undefined && !Array.isArray(chunk.choices))) return;
    for (const [key, value] of Object.entries(chunk)) {
      if (key !== "choices" && key !== "error") setLast(this.#head, key, value);
    }
    for (const [place, choice] of listOf(chunk.choices).entries()) {
      if (isObject(choice) && this.#choice(indexOf(choice.index, place)).add(choice)) this.#firstTokenMs ??= event.at;
    }
  }

  result(isBodyWhole: boolean): Joined {
    const choices = inOrder(this.#choices);
    // Servers leave `[DONE]` out; then every choice has to say that it is finished.
    const isFinished = choices.length > 0 && choices.every((choice) => choice.isFinished);
    const isWhole = (this.#isDone || (isBodyWhole && isFinished)) && !this.#isUnread && this.#error === undefined;
    const head = Object.fromEntries(this.#head);
    const answer = { ...head, object: this.#object, choices: choices.map((choice) => choice.toObject()) };
    return { answer, firstTokenMs: this.#firstTokenMs, isWhole, error: this.#error };
  }

  #choice(index: number): Choice {
    let choice = this.#choices.get(index);
    if (!choice) {
      choice = this.#object === "chat.completion" ? new ChatChoice(index) : new TextChoice(index);
      this.#choices.set(index, choice);
    }
    return choice;
  }
}

/** One of the answers to one request. */
abstract class Choice {
  readonly #index: number;
  readonly #fields = new Map<string, unknown>([["finish_reason", null]]);
  #logprobs: Map<string, unknown> | undefined;

  constructor(index: number) {
    this.#index = index;
  }

  get isFinished(): boolean {
    return typeof this.#fields.get("finish_reason") === "string";
  }

  /** Answers whether the chunk changes what the model says. */
  add(chunk: Json): boolean {
    for (const [key, value] of Object.entries(chunk)) {
      if (key === "logprobs" && isObject(value)) this.#addLogprobs(value);
      else if (!this.partKeys.has(key) && key !== "index") setLast(this.#fields, key, value);
    }
    return this.addPart(chunk);
  }

  toObject(): Json {
    const logprobs = this.#logprobs && { logprobs: Object.fromEntries(this.#logprobs) };
    return { ...Object.fromEntries(this.#fields), ...logprobs, ...this.part(), index: this.#index };
  }

  protected abstract readonly partKeys: ReadonlySet<string>;
  protected abstract addPart(chunk: Json): boolean;
  protected abstract part(): Json;

  /** Each of its lists goes on; entries are never merged, for a token may be called `index`. */
  #addLogprobs(logprobs: Json): void {
    this.#logprobs ??= new Map();
    for (const [key, value] of Object.entries(logprobs)) {
      const before = this.#logprobs.get(key);
      if (Array.isArray(value) && Array.isArray(before)) before.push(...value);
      else setLast(this.#logprobs, key, value);
    }
  }
}

class ChatChoice extends Choice {
  protected readonly partKeys = new Set(["delta", "message"]);
  readonly #message = new Parts();

  protected addPart({ delta, message }: Json): boolean {
    return this.#message.add(objectOf(delta ?? message));
  }

  protected part(): Json {
    return { message: { role: "assistant", content: null, ...this.#message.toObject() } };
  }
}

class TextChoice extends Choice {
  protected readonly partKeys = new Set(["text"]);
  #text = "";

  protected addPart({ text }: Json): boolean {
    if (typeof text !== "string" || text === "") return false;
    this.#text += text;
    return true;
  }

  protected part(): Json {
    return { text: this.#text };
  }
}

function setLast(fields: Map<string, unknown>, key: string, value: unknown): void {
  if ((value !== null && value !== undefined) || !fields.has(key)) fields.set(key, value);
}

/** Servers tell of a failure behind a 200 as `{"error": …}`, as an event `error`, or (older vLLM) as an object `error`. */
function errorOf({ event, data }: StreamEvent, chunk: Json | undefined): unknown {
  if (chunk?.error !== undefined && chunk.error !== null) return chunk.error;
  if (event === "error" || chunk?.object === "error") return chunk ?? data;
  return undefined;
}
