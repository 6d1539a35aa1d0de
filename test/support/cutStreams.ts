import type { GeneratorValue } from "fast-check";
import * as fc from "fast-check";
import type { Piece } from "../../src/domain/protocols/join.ts";

/** Cuts answers into streams in random ways that the specifications allow. */
type Draw = GeneratorValue;
type Fields = Record<string, unknown>;

/** A text in parts that are not empty. */
export function cutText(text: string, draw: Draw): string[] {
  const parts: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const length = draw(fc.integer, { min: 1, max: rest.length });
    parts.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return parts;
}

/** Lists as one, each in its own order. */
export function interleave<Value>(lists: readonly (readonly Value[])[], draw: Draw): Value[] {
  const rest = lists.map((list) => [...list]).filter((list) => list.length > 0);
  const all: Value[] = [];
  while (rest.length > 0) {
    const at = draw(fc.integer, { min: 0, max: rest.length - 1 });
    const [first] = (rest[at] as Value[]).splice(0, 1);
    all.push(first as Value);
    if (rest[at]?.length === 0) rest.splice(at, 1);
  }
  return all;
}

/** Events as bytes: any line ends, comments, ids, data over several lines, a space behind the colon or none, a blank line at the end or none. */
export function eventBytes(events: readonly { event?: string; data: string }[], draw: Draw): Uint8Array {
  const end = draw(fc.constantFrom, "\n", "\r\n", "\r");
  let text = draw(fc.boolean) ? "\uFEFF" : "";
  for (const { event, data } of events) {
    if (draw(fc.boolean)) text += `: keep-alive${end}${draw(fc.boolean) ? end : ""}`;
    if (draw(fc.boolean)) text += `id: 7${end}retry: 3000${end}`;
    if (event !== undefined) text += `event:${draw(fc.boolean) ? " " : ""}${event}${end}`;
    for (const line of data.split("\n")) text += `data:${draw(fc.boolean) ? " " : ""}${line}${end}`;
    text += end;
  }
  return new TextEncoder().encode(draw(fc.boolean) ? text : text.slice(0, -end.length));
}

/** Bytes in pieces, one a millisecond; characters and line ends are split as it comes. */
export function cutBytes(bytes: Uint8Array, draw: Draw): Piece[] {
  const pieces: Piece[] = [];
  for (let from = 0; from < bytes.length; ) {
    const to = from + draw(fc.integer, { min: 1, max: Math.min(bytes.length - from, 200) });
    pieces.push({ bytes: bytes.subarray(from, to), at: pieces.length });
    from = to;
  }
  return pieces;
}

/** JSON as an event's data: compact, or over several lines. */
export function dataOf(value: unknown, draw: Draw): string {
  return draw(fc.boolean) ? JSON.stringify(value) : JSON.stringify(value, null, 1);
}

/** The chunks of a chat completion: a role, parts of everything that it says, why each choice is finished; `usage` alone behind them. */
export function chatChunks({ choices, usage, ...head }: Fields, draw: Draw): Fields[] {
  const lists = (choices as Fields[]).map(({ index, message, logprobs, finish_reason }) => {
    const { role, ...said } = message as Fields;
    const empty = Object.entries(said).map(([key, value]) => [key, emptied(value)] as const);
    const deltas = interleave(
      Object.entries(said).map(([key, value]) => cutField(key, value, draw)),
      draw,
    );
    const first = { role, ...Object.fromEntries(empty.filter(([, value]) => value !== undefined)) };
    const parts = [first, ...deltas].map((delta) => ({
      index,
      delta,
      logprobs: null as unknown,
      finish_reason: null as unknown,
    }));
    spread(logprobs, parts, draw);
    const last = { index, delta: {}, logprobs: null, finish_reason };
    return [...parts, last];
  });
  const chunks = interleave(lists, draw).map(
    (choice) => ({ ...head, object: "chat.completion.chunk", choices: [choice] }) as Fields,
  );
  if (usage !== undefined) chunks.push({ ...head, object: "chat.completion.chunk", choices: [], usage });
  return chunks;
}

/** The chunks of a completion of the older kind. */
export function completionChunks({ choices, usage, ...head }: Fields, draw: Draw): Fields[] {
  const lists = (choices as Fields[]).map(({ index, text, logprobs, finish_reason }) => {
    const texts = cutText(text as string, draw);
    const parts = (texts.length > 0 ? texts : [""]).map((part) => ({
      index,
      text: part,
      logprobs: null as unknown,
      finish_reason: null as unknown,
    }));
    spread(logprobs, parts, draw);
    (parts.at(-1) as Fields).finish_reason = finish_reason;
    return parts;
  });
  const chunks = interleave(lists, draw).map(
    (choice) => ({ ...head, object: "text_completion", choices: [choice] }) as Fields,
  );
  if (usage !== undefined) chunks.push({ ...head, object: "text_completion", choices: [], usage });
  return chunks;
}

/** What the first chunk has of a field: text begins empty, what is null is said at once, all else comes later. */
function emptied(value: unknown): unknown {
  return value === null ? null : typeof value === "string" ? "" : undefined;
}

function cutField(key: string, value: unknown, draw: Draw): Fields[] {
  if (value === null) return [];
  if (typeof value === "string") return cutText(value, draw).map((part) => ({ [key]: part }));
  if (key === "function_call") return cutCall(value as Fields, draw).map((part) => ({ [key]: part }));
  const calls = (value as Fields[]).map(({ id, type, function: called }, index) => {
    const [first, ...rest] = cutCall(called as Fields, draw);
    return [
      { tool_calls: [{ index, id, type, function: first }] },
      ...rest.map((part) => ({ tool_calls: [{ index, function: part }] })),
    ];
  });
  return interleave(calls, draw);
}

function cutCall({ name, arguments: text }: Fields, draw: Draw): Fields[] {
  return [{ name, arguments: "" }, ...cutText(text as string, draw).map((part) => ({ arguments: part }))];
}

/** Gives each part some entries of the lists, in their order. */
function spread(logprobs: unknown, parts: readonly Fields[], draw: Draw): void {
  if (logprobs === null || logprobs === undefined) return;
  const lists = Object.entries(logprobs as Fields);
  const rest = new Map(lists.map(([key, value]) => [key, Array.isArray(value) ? [...value] : null]));
  for (const [at, part] of parts.entries()) {
    part.logprobs = Object.fromEntries(
      [...rest].map(([key, list]) => {
        const count = at === parts.length - 1 ? list?.length : draw(fc.integer, { min: 0, max: list?.length ?? 0 });
        return [key, list?.splice(0, count) ?? null];
      }),
    );
  }
}
