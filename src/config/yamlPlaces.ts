import { isMap, isScalar, isSeq, type LineCounter, type Node, type Pair, type YAMLMap } from "yaml";
import { show } from "./fields.ts";
import { keyPath } from "./sentences.ts";

/** Where something stands in a file, counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface FoundKey {
  readonly place: Place;
  /** The value as JSON, where it is a scalar. */
  readonly value?: string | undefined;
}

/** Finds the keys of a YAML document's config as sentences name them. */
export class YamlPlaces {
  readonly #keys = new Map<string, FoundKey>();
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  at(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** Remembers `pair` under a key of the file's top, such as `confg`, or under that of another namespace. */
  addPair(key: string, pair: Pair): void {
    this.#add(key, startOf(pair.key), pair.value);
  }

  /** Remembers a key of this project and all keys below it. */
  addOwn(name: string, pair: Pair): void {
    this.addPair(keyPath([name]), pair);
    this.#addBelow([name], pair.value);
  }

  /** The key, or the nearest one above it that is there; then the value is not the key's. */
  find(key: string): FoundKey | undefined {
    const exact = this.#keys.get(key);
    if (exact) return exact;
    let above = key;
    for (;;) {
      const shorter = above.replace(/(\.[\w-]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\])$/, "");
      if (shorter === above) return undefined;
      above = shorter;
      const found = this.#keys.get(above);
      if (found) return { place: found.place };
    }
  }

  #addBelow(path: readonly PropertyKey[], node: unknown): void {
    if (isMap(node)) {
      for (const pair of (node as YAMLMap).items) {
        const inner = [...path, String(isScalar(pair.key) ? pair.key.value : pair.key)];
        this.#add(keyPath(inner), startOf(pair.key), pair.value);
        this.#addBelow(inner, pair.value);
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        this.#add(keyPath([...path, index]), startOf(item), item);
        this.#addBelow([...path, index], item);
      }
    }
  }

  #add(key: string, start: number | undefined, node: unknown): void {
    if (start === undefined || this.#keys.has(key)) return;
    const value = isScalar(node) && node.value !== null ? show(node.value) : undefined;
    this.#keys.set(key, { place: this.at(start), value });
  }
}

/** Where a node begins, as an offset in the text. */
export function startOf(node: unknown): number | undefined {
  return typeof node === "object" && node !== null ? ((node as Node).range?.[0] ?? undefined) : undefined;
}
