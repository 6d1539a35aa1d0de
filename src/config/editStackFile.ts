import { isDeepStrictEqual } from "node:util";
import { type Document, isAlias, isCollection, isMap, isScalar, type Pair, parse, parseDocument } from "yaml";
import type { ConfigEdit, StackConfig } from "../domain/release/restore.ts";
import { ownConfig } from "./ownConfig.ts";
import { prefix } from "./sentences.ts";
import { configKey, isOwn } from "./stackFileKeys.ts";

const style = { lineWidth: 0 };

/**
 * The text of a stack file with these edits of the project's own keys; comments, order and style of the rest stay, and each key keeps
 * the way in which it is written.
 */
export function editStackText(text: string, edits: readonly ConfigEdit[]): string {
  const document = parseDocument(text);
  const normal = document.toString(style);
  for (const edit of edits) editDocument(document, edit);
  const edited = document.toString(style);
  const wanted = edits.reduce(withEdit, ownConfig(text, "the stack file"));
  const says = ownConfig(edited, "the stack file");
  const differing = Object.keys(wanted).filter((key) => !isDeepStrictEqual(wanted[key], says[key]));
  // What came by `<<` cannot be removed where it is used: such a key is written out.
  for (const key of differing) document.setIn(["config", writtenKey(document, key)], document.createNode(wanted[key]));
  return asWritten(text, normal, document.toString(style));
}

function editDocument(document: Document, { path, to }: ConfigEdit): void {
  const [first = "", ...rest] = path;
  const at = ["config", writtenKey(document, first), ...rest];
  writeOutAliases(document, at);
  if (to === undefined) {
    document.deleteIn(at);
    return;
  }
  // A scalar is changed in its place, so that its comment stays; what is written inside a {} stays inside.
  const node: unknown = typeof to === "object" ? document.createNode(to) : to;
  const parent = document.getIn(at.slice(0, -1));
  if (isMap(node) && isMap(parent) && parent.flow === true) node.flow = true;
  document.setIn(at, node);
}

/** A key as the file has it: the engine reads `zoo`, `menagerie:zoo` and `menagerie:config:zoo` alike. */
function writtenKey(document: Document, name: string): string {
  const config = document.get("config");
  const keys = isMap(config) ? (config.items as Pair[]).map(({ key }) => String(isScalar(key) ? key.value : key)) : [];
  const found = keys.find((written) => {
    const key = configKey(written);
    return key && isOwn(key) && key.name === name;
  });
  return found ?? prefix + name;
}

/** An edit inside what an anchor names would change every place that refers to it. */
function writeOutAliases(document: Document, path: readonly string[]): void {
  for (let length = 1; length <= path.length; length += 1) {
    const at = path.slice(0, length);
    const node = document.getIn(at, true);
    if (isAlias(node)) document.setIn(at, document.createNode(node.toJS(document)));
    else if (isCollection(node) && node.anchor && length < path.length) keepForOthers(document, node.anchor);
  }
}

/** Writes out every alias of an anchor whose own value is about to change. */
function keepForOthers(document: Document, anchor: string): void {
  const walk = (path: readonly unknown[], node: unknown): void => {
    if (isAlias(node)) {
      if (node.source === anchor) document.setIn(path, document.createNode(node.toJS(document)));
      return;
    }
    if (isMap(node)) for (const { key, value } of node.items as Pair[]) walk([...path, key], value);
    else if (isCollection(node)) for (const [index, item] of node.items.entries()) walk([...path, index], item);
  };
  walk([], document.contents);
}

function withEdit(config: StackConfig, { path: [first = "", ...rest], to }: ConfigEdit): StackConfig {
  const { [first]: below, ...others } = config;
  if (rest.length > 0) {
    return { ...others, [first]: withEdit((below ?? {}) as StackConfig, { path: rest, from: undefined, to }) };
  }
  return to === undefined ? others : { ...others, [first]: to };
}

/**
 * The library writes every line in a style of its own, such as its padding of lists. Lines that the edits left alone stay as
 * their writer had them, wherever that says the same.
 */
function asWritten(text: string, normal: string, edited: string): string {
  const [original, before] = [text.split("\n"), normal.split("\n")];
  if (original.length !== before.length) return edited;
  const written = new Map(before.map((line, index) => [line, original[index] ?? line]));
  const kept = edited
    .split("\n")
    .map((line) => written.get(line) ?? line)
    .join("\n");
  try {
    return isDeepStrictEqual(parse(kept), parse(edited)) ? kept : edited;
  } catch {
    return edited;
  }
}
