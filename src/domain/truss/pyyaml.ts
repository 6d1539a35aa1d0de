import { type Alias, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar } from "yaml";
import { plainScalar, taggedScalar, WrongScalar } from "./pyScalars.ts";
import { PyBytes, PyMapping, type PyValue } from "./pyValue.ts";

/** A text that PyYAML refuses, with the line where that is known. */
export class PyYamlError extends Error {
  override readonly name = "PyYamlError";
  readonly line: number | undefined;
  constructor(line: number | undefined, message: string) {
    super(message);
    this.line = line;
  }
}

/** Values that aliases may unfold to, so that a few lines cannot fill the memory. */
const mostValues = 1_000_000;
const coreTag = "tag:yaml.org,2002:";

/**
 * A YAML document as Python's `yaml.safe_load` reads it: of a key that is written twice the last counts, merges (`<<`) are done.
 * The syntax is the `yaml` package's; what the scalars mean is not left to it.
 * @throws PyYamlError
 */
export function readPyYaml(text: string): PyValue {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    schema: "failsafe",
    uniqueKeys: false,
    logLevel: "silent",
    lineCounter: lines,
  });
  const [error] = document.errors;
  if (error) {
    const message = (error.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:$/, "");
    throw new PyYamlError(error.linePos?.[0].line, message);
  }
  const reading: Reading = {
    anchors: new Map(),
    values: 0,
    lineOf: (node) => (node.range ? lines.linePos(node.range[0]).line : undefined),
  };
  return read(document.contents as Node | null, reading);
}

interface Reading {
  /** Values behind the anchors so far, and of how many values each consists. */
  readonly anchors: Map<string, { readonly value: PyValue; readonly size: number }>;
  /** How many there are so far, each alias with all that it stands for. */
  values: number;
  readonly lineOf: (node: Node) => number | undefined;
}

function read(node: Node | null | undefined, reading: Reading): PyValue {
  if (!node) return null;
  const before = reading.values;
  const value = isAlias(node) ? anchored(node, reading) : unanchored(node, reading);
  const size = reading.values - before;
  if (reading.values > mostValues) {
    throw new PyYamlError(reading.lineOf(node), "its aliases unfold to more than a million values");
  }
  if (!isAlias(node) && node.anchor) reading.anchors.set(node.anchor, { value, size });
  return value;
}

function anchored(node: Alias, reading: Reading): PyValue {
  const found = reading.anchors.get(node.source);
  if (!found) throw new PyYamlError(reading.lineOf(node), `there is no anchor &${node.source} before it`);
  reading.values += found.size;
  return found.value;
}

function unanchored(node: Exclude<Node, Alias>, reading: Reading): PyValue {
  reading.values += 1;
  const tag = node.tag?.startsWith(coreTag) ? node.tag.slice(coreTag.length) : undefined;
  if (node.tag !== undefined && tag === undefined) throw unknownTag(node, reading);
  if (isScalar(node)) return scalarValue(node, tag, reading);
  if (isSeq<Node>(node)) return sequenceValue(node.items, node, tag, reading);
  if (!isMap<Node, Node | null>(node)) throw new PyYamlError(reading.lineOf(node), "has no value");
  if (tag !== undefined && tag !== "map" && tag !== "set") throw unknownTag(node, reading);
  const mapping = mappingValue(node.items, reading);
  return tag === "set" ? mapping.entries.map(([key]) => key) : mapping;
}

function unknownTag(node: Node, reading: Reading): PyYamlError {
  return new PyYamlError(reading.lineOf(node), `could not determine a constructor for the tag '${node.tag}'`);
}

function scalarValue(node: Scalar, tag: string | undefined, reading: Reading): PyValue {
  const text = typeof node.value === "string" ? node.value : "";
  try {
    if (tag === "str") return text;
    if (tag === "binary") return new PyBytes(Buffer.from(text, "base64"));
    if (tag === undefined) return node.type === Scalar.PLAIN || node.type === undefined ? plainScalar(text) : text;
    const value = taggedScalar(tag, text);
    if (value === undefined) throw unknownTag(node, reading);
    return value;
  } catch (error) {
    if (error instanceof WrongScalar) throw new PyYamlError(reading.lineOf(node), error.message);
    throw error;
  }
}

function sequenceValue(
  items: readonly Node[],
  node: Node,
  tag: string | undefined,
  reading: Reading,
): readonly PyValue[] {
  if (tag === undefined || tag === "seq") return items.map((item) => read(item, reading));
  if (tag !== "omap" && tag !== "pairs") throw unknownTag(node, reading);
  // Both are lists of pairs in Python.
  return items.flatMap((item) => {
    if ("key" in item && "value" in item) return [[read(item.key as Node, reading), read(item.value as Node, reading)]];
    const value = read(item, reading);
    return value instanceof PyMapping ? value.entries.map((pair) => [...pair]) : [];
  });
}

interface KeyAndValue {
  readonly key: unknown;
  readonly value: unknown;
}

function mappingValue(pairs: readonly KeyAndValue[], reading: Reading): PyMapping {
  const mapping = new PyMapping();
  const own: [PyValue, PyValue][] = [];
  for (const { key, value } of pairs) {
    const keyNode = key as Node | null;
    if (isMergeKey(keyNode)) {
      // What is merged first counts, and the mapping's own keys before it.
      for (const source of mergedMappings(value as Node | null, reading)) {
        for (const [name, item] of source.entries) if (!mapping.has(name)) mapping.set(name, item);
      }
      continue;
    }
    const name = read(keyNode, reading);
    if (Array.isArray(name) || name instanceof PyMapping) {
      throw new PyYamlError(keyNode ? reading.lineOf(keyNode) : undefined, "found unhashable key");
    }
    own.push([name, read(value as Node | null, reading)]);
  }
  for (const [name, item] of own) mapping.set(name, item);
  return mapping;
}

function isMergeKey(node: Node | null): boolean {
  return isScalar(node) && node.value === "<<" && node.tag === undefined && node.type === Scalar.PLAIN;
}

function mergedMappings(node: Node | null, reading: Reading): readonly PyMapping[] {
  const value = read(node, reading);
  const all = Array.isArray(value) ? (value as readonly PyValue[]) : [value];
  return all.map((one) => {
    if (one instanceof PyMapping) return one;
    throw new PyYamlError(
      node ? reading.lineOf(node) : undefined,
      "expected a mapping or list of mappings for merging",
    );
  });
}
