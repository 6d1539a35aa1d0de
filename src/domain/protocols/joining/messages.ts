import type { Joined, Joiner, StreamEvent } from "../join.ts";
import { eventObject, indexOf, inOrder, isObject, type Json, objectOf } from "./json.ts";

/** The field of a content block that grows by a delta, by the delta's type; the delta has it under the second name. */
const growing: Readonly<Record<string, readonly [field: string, name: string]>> = {
  text_delta: ["text", "text"],
  thinking_delta: ["thinking", "thinking"],
  signature_delta: ["signature", "signature"],
  compaction_delta: ["content", "content"],
};

interface Block {
  readonly fields: Record<string, unknown>;
  /** Text of its `input`, which is JSON once it is whole. */
  input: string;
}

/** Joins the events of Anthropic's messages. */
export class MessageJoiner implements Joiner {
  #message: Json = {};
  #usage: Json = {};
  readonly #blocks = new Map<number, Block>();
  #firstTokenMs: number | null = null;
  #error: unknown;
  #isStopped = false;
  #isUnread = false;

  add(event: StreamEvent): void {
    const data = eventObject(event);
    if (event.event === "error" || data?.type === "error" || isObject(data?.error)) {
      this.#error ??= data?.error ?? data ?? event.data;
      return;
    }
    if (!data) {
      // Some servers end this stream as they end OpenAI's.
      if (event.data.trim() !== "[DONE]") this.#isUnread = true;
      return;
    }
    if (this.#take(data)) this.#firstTokenMs ??= event.at;
  }

  result(isBodyWhole: boolean): Joined {
    const content = inOrder(this.#blocks).map(blockOf);
    const isStopped = this.#isStopped || (isBodyWhole && typeof this.#message.stop_reason === "string");
    const isWhole = isStopped && !this.#isUnread && this.#error === undefined;
    const answer = { ...this.#message, content, ...(Object.keys(this.#usage).length > 0 && { usage: this.#usage }) };
    return { answer, firstTokenMs: this.#firstTokenMs, isWhole, error: this.#error };
  }

  /** Answers whether the event changes what the model says; events of other types, such as `ping`, do not. */
  #take(data: Json): boolean {
    switch (data.type) {
      case "message_start": {
        const { usage, content: _, ...message } = objectOf(data.message);
        this.#message = { ...this.#message, ...message };
        this.#addUsage(usage);
        return false;
      }
      case "content_block_start": {
        const fields = { ...objectOf(data.content_block) };
        this.#blocks.set(indexOf(data.index, this.#blocks.size), { fields, input: "" });
        return (fields.type !== "text" && fields.type !== "thinking") || Boolean(fields.text || fields.thinking);
      }
      case "content_block_delta":
        return this.#grow(indexOf(data.index, Math.max(0, this.#blocks.size - 1)), objectOf(data.delta));
      case "message_delta":
        this.#message = { ...this.#message, ...objectOf(data.delta) };
        this.#addUsage(data.usage);
        return false;
      case "message_stop":
        this.#isStopped = true;
        return false;
      default:
        return false;
    }
  }

  #grow(index: number, delta: Json): boolean {
    const block = this.#blocks.get(index) ?? { fields: {}, input: "" };
    this.#blocks.set(index, block);
    if (delta.type === "input_json_delta") {
      const part = textOf(delta.partial_json);
      block.input += part;
      return part !== "";
    }
    if (delta.type === "citations_delta") {
      const before = block.fields.citations;
      block.fields.citations = [...(Array.isArray(before) ? before : []), delta.citation];
      return true;
    }
    const [field, name] = growing[String(delta.type)] ?? [];
    if (field === undefined || name === undefined) return false;
    const part = textOf(delta[name]);
    block.fields[field] = textOf(block.fields[field]) + part;
    return part !== "";
  }

  /** Counts are of the whole answer each time they come; a count that is not told again stays. */
  #addUsage(usage: unknown): void {
    const told = Object.entries(objectOf(usage)).filter(([key, value]) => value !== null || !(key in this.#usage));
    this.#usage = { ...this.#usage, ...Object.fromEntries(told) };
  }
}

function blockOf({ fields, input }: Block): Json {
  if (input === "") return fields;
  try {
    return { ...fields, input: JSON.parse(input) };
  } catch {
    // It broke off: what came of it says more than nothing.
    return { ...fields, input };
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
