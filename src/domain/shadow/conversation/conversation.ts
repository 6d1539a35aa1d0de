import { isMapping } from "../../mapping.ts";
import type { Operation } from "../../protocols/operation.ts";
import { appendKey, type FieldPath, parseFieldPath } from "../fieldPath.ts";

/** Something that was said, to a model or by one. */
export interface Turn {
  /** Such as `user`, `system`, or the place in an answer: `choices[0].message.content`. */
  readonly who: string;
  readonly text: string;
}

/** One answer, as it is read. */
export interface Said {
  readonly turns: readonly Turn[];
  /** Why it has none, such as `HTTP 500`. */
  readonly note?: string | undefined;
}

/** A request whose two answers differ. */
export interface Conversation {
  readonly requestId: string;
  /** When the primary got it, in milliseconds since 1970. */
  readonly at: number;
  /** It may differ by chance, and is not judged. */
  readonly isSampled: boolean;
  readonly asked: readonly Turn[];
  readonly primary: Said;
  readonly shadow: Said;
}

/** What was said to a model, by the fields that its operation has for that. */
export function askedIn(operation: Operation, request: unknown): Turn[] {
  if (!isMapping(request)) return [];
  return (operation.said ?? []).flatMap((field) =>
    Object.hasOwn(request, field)
      ? turnsOf(field === "system" || field === "instructions" ? field : "user", request[field])
      : [],
  );
}

/** What a model says in an answer, by place: its words, and the arguments of its tool calls. */
export function saidIn(operation: Operation, answer: unknown): Turn[] {
  return [...operation.texts, ...operation.jsonTexts].flatMap((text) =>
    collected(answer, parseFieldPath(text) ?? [], ""),
  );
}

function collected(value: unknown, [part, ...rest]: FieldPath, at: string): Turn[] {
  if (part === undefined) return typeof value === "string" && value !== "" ? [{ who: at, text: value }] : [];
  if (part === "*") {
    return Array.isArray(value) ? value.flatMap((each, index) => collected(each, rest, `${at}[${index}]`)) : [];
  }
  return isMapping(value) && Object.hasOwn(value, part) ? collected(value[part], rest, appendKey(at, part)) : [];
}

function turnsOf(who: string, value: unknown): Turn[] {
  if (typeof value === "string") return [{ who, text: value }];
  if (!Array.isArray(value)) return [];
  // A system prompt in parts is one.
  if (value.every((each) => isMapping(each) && !("role" in each) && typeof each.text === "string")) {
    return [{ who, text: textOf(value) }];
  }
  return value.map((each: unknown) => {
    if (!isMapping(each)) return { who, text: textOf(each) };
    const role = typeof each.role === "string" ? each.role : typeof each.type === "string" ? each.type : who;
    const parts = [each.content ?? each.text ?? each.output, ...listOf(each.tool_calls), each.arguments];
    return {
      who: role,
      text: parts
        .map(textOf)
        .filter((text) => text !== "")
        .join("\n"),
    };
  });
}

/** Text, and the text of parts; what is none by its kind, such as `[image_url]`. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(textOf).join("\n");
  if (!isMapping(value)) return value === undefined || value === null ? "" : JSON.stringify(value);
  if (typeof value.text === "string") return value.text;
  if (isMapping(value.function)) return `${textOf(value.function.name)}(${textOf(value.function.arguments)})`;
  return `[${typeof value.type === "string" ? value.type : "…"}]`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
