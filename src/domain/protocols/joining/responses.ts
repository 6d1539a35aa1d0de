import type { Joined, Joiner, StreamEvent } from "../join.ts";
import { eventObject, indexOf, inOrder, isObject, type Json, listOf, objectOf } from "./json.ts";

type Growing = Record<string, unknown>;

/** Where a text is in an item of the output: in an entry of one of its lists, or in the item itself; and the entry's type. */
interface Place {
  readonly list?: "content" | "summary";
  readonly field: string;
  readonly type?: string;
}

/** Events that grow a text (`….delta`) and tell all of it (`….done`), by what stands before. */
const places: Readonly<Record<string, Place>> = {
  "response.output_text": { list: "content", field: "text", type: "output_text" },
  "response.refusal": { list: "content", field: "refusal", type: "refusal" },
  "response.reasoning_text": { list: "content", field: "text", type: "reasoning_text" },
  "response.reasoning_summary_text": { list: "summary", field: "text", type: "summary_text" },
  "response.function_call_arguments": { field: "arguments" },
  "response.mcp_call_arguments": { field: "arguments" },
  "response.custom_tool_call_input": { field: "input" },
  "response.code_interpreter_call_code": { field: "code" },
};

const ends: ReadonlySet<unknown> = new Set(["response.completed", "response.incomplete", "response.failed"]);

/**
 * Joins the events of OpenAI's responses. The last one has the whole answer in it; what is joined of the others is for streams that
 * break off, and for the time of the first token. Events of other types say nothing to it.
 */
export class ResponseJoiner implements Joiner {
  #response: Json = {};
  readonly #items = new Map<number, Growing>();
  #firstTokenMs: number | null = null;
  #error: unknown;
  #hasEnded = false;
  #isUnread = false;

  add(event: StreamEvent): void {
    const data = eventObject(event);
    const type = data?.type ?? event.event;
    if (!data) {
      if (event.event === "error") this.#error ??= event.data;
      else if (event.data.trim() !== "[DONE]") this.#isUnread = true;
      return;
    }
    if (type === "error" || (isObject(data.error) && !isObject(data.response))) {
      this.#error ??= isObject(data.error) ? data.error : data;
      return;
    }
    if (isObject(data.response)) this.#response = { ...this.#response, ...data.response };
    if (ends.has(type)) this.#hasEnded = true;
    if (type === "response.failed") this.#error ??= objectOf(data.response).error ?? data;
    if (this.#take(String(type), data)) this.#firstTokenMs ??= event.at;
  }

  result(): Joined {
    // Of what has ended without an output, items may have come; before its end the output is what came of them.
    const told = listOf(this.#response.output);
    const output = this.#hasEnded && (told.length > 0 || this.#items.size === 0) ? told : inOrder(this.#items);
    const isWhole = this.#hasEnded && !this.#isUnread && this.#error === undefined;
    const answer = { ...this.#response, output };
    return { answer, firstTokenMs: this.#firstTokenMs, isWhole, error: this.#error };
  }

  /** Answers whether the event changes what the model says. */
  #take(type: string, data: Json): boolean {
    const index = indexOf(data.output_index, 0);
    if (type === "response.output_item.added" || type === "response.output_item.done") {
      const item = objectOf(data.item);
      this.#items.set(index, { ...item });
      return says(item);
    }
    if (ends.has(type)) return listOf(this.#response.output).some((item) => says(objectOf(item)));
    if (type === "response.output_text.annotation.added") {
      const part = this.#entry(index, "content", data.content_index);
      part.annotations = [...listOf(part.annotations), data.annotation];
      return true;
    }
    const [, what = "", how] = /^(.+)\.(added|delta|done)$/.exec(type) ?? [];
    if (what === "response.content_part" || what === "response.reasoning_summary_part") {
      const list = what === "response.content_part" ? "content" : "summary";
      const part = objectOf(data.part);
      Object.assign(this.#entry(index, list, data.content_index ?? data.summary_index), part);
      return hasText(part);
    }
    const place = places[what];
    return place ? this.#grow(this.#target(index, place, data), place.field, how === "delta", data) : false;
  }

  #grow(target: Growing, field: string, isDelta: boolean, data: Json): boolean {
    const text = isDelta ? data.delta : data[field];
    if (typeof text !== "string") return false;
    const before = typeof target[field] === "string" ? target[field] : "";
    target[field] = isDelta ? before + text : text;
    if (isDelta && Array.isArray(data.logprobs)) target.logprobs = [...listOf(target.logprobs), ...data.logprobs];
    return text !== "";
  }

  #target(index: number, { list, type }: Place, data: Json): Growing {
    if (list === undefined) return this.#item(index);
    const entry = this.#entry(index, list, list === "content" ? data.content_index : data.summary_index);
    if (type !== undefined) entry.type ??= type;
    return entry;
  }

  #item(index: number): Growing {
    let item = this.#items.get(index);
    if (!item) {
      item = {};
      this.#items.set(index, item);
    }
    return item;
  }

  #entry(index: number, list: "content" | "summary", at: unknown): Growing {
    const item = this.#item(index);
    const entries = Array.isArray(item[list]) ? (item[list] as unknown[]) : [];
    item[list] = entries;
    // A part may be told of without those before it.
    const place = Math.min(indexOf(at, 0), entries.length);
    const entry = entries[place];
    if (isObject(entry)) return entry as Growing;
    const made: Growing = {};
    entries[place] = made;
    return made;
  }
}

/** An item that is only announced says nothing: a message without text, or a reasoning that is not shown. */
function says(item: Json): boolean {
  if (item.type !== "message" && item.type !== "reasoning") return Object.keys(item).length > 0;
  return [...listOf(item.content), ...listOf(item.summary)].some((part) => hasText(objectOf(part)));
}

function hasText({ text, refusal }: Json): boolean {
  return Boolean(text || refusal);
}
