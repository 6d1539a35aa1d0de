import { isAlias, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument, visit } from "yaml";
import { cipherMistakes } from "./ciphers.ts";
import { show } from "./fields.ts";
import { byPlace, type Mistake, mistakeOf } from "./mistake.ts";
import { keyPath, prefix } from "./sentences.ts";
import { configKey, isOwn, namespaceMistake, namespaces, topLevelKeys, topLevelMistake } from "./stackFileKeys.ts";
import { startOf, YamlPlaces } from "./yamlPlaces.ts";

/** A stack file that was read from its first line on, with what is wrong with it besides the values of keys. */
export interface StackFileReading {
  /** Keys of every namespace with their prefix, `{secure: …}` for what is encrypted. Typos in prefixes are put right. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Keys of the file's top besides `config`: salt and provider of secrets, `environment`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly mistakes: readonly Mistake[];
  /** Whether `config` can be judged; false if the file is not YAML, or not a mapping. */
  readonly isReadable: boolean;
  /** Whether any key of this project is there, or an `environment:` that may hold some. */
  readonly declares: boolean;
  /** Whether keys come from an `environment:` of Pulumi ESC, which only the engine can read. */
  readonly imports: boolean;
  /** Makes a mistake of a sentence that begins with its key. */
  locate(sentence: string): Mistake;
}

/**
 * Reads `Pulumi.<stack>.yaml` strictly. It never throws: whatever the bytes are, the mistakes say what is wrong with them.
 *
 * @param file - its name for mistakes
 */
export function readStackText(bytes: Uint8Array, file: string): StackFileReading {
  const text = decode(bytes);
  if (text.mistake !== undefined) return unreadable(file, [whole(file, text.mistake)]);
  const lines = new LineCounter();
  // The engine merges by `<<` as well. At "silent" a second document would go unnoticed, as it does by the engine.
  const document = parseDocument(text.text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
    merge: true,
  });
  const places = new YamlPlaces(lines);
  const at = (offset: number, message: string): Mistake => ({ ...whole(file, message), ...places.at(offset) });
  const broken = [...document.errors, ...document.warnings].map(({ message, pos }) =>
    at(pos[0], `is not valid YAML: ${message}`),
  );
  visit(document, {
    Node(_, node) {
      if (isAlias(node) || node.tag === undefined || plainTags.test(node.tag)) return;
      broken.push(
        at(startOf(node) ?? 0, `the tag ${node.tag} is not allowed; write plain text, numbers, mappings and lists`),
      );
    },
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document);
      if (target && !ancestors.includes(target)) return;
      if (target) {
        broken.push(
          at(startOf(alias) ?? 0, `*${alias.source} is inside the value that it refers to; write the value out`),
        );
        return;
      }
      const message = `*${alias.source} refers to no anchor; write &${alias.source} where the value is, or write the value out`;
      broken.push(at(startOf(alias) ?? 0, message));
    },
  });
  if (broken.length > 0) return unreadable(file, broken);
  const top = document.contents;
  if (top === null || (isScalar(top) && top.value === null)) return { ...unreadable(file, []), isReadable: true };
  if (!isMap(top)) {
    return unreadable(file, [
      at(startOf(top) ?? 0, `the file is ${kindOf(top)}; write "config:" with the keys below it`),
    ]);
  }
  const reading = new TopLevel(places);
  for (const pair of top.items as Pair[]) reading.add(pair);
  try {
    // Values of the document's own nodes, after its aliases were found to be right.
    const values = new Map(reading.values.map(({ key, node }) => [key, plain(node, document)]));
    const config = Object.fromEntries(values);
    const locate = (sentence: string): Mistake => mistakeOf(file, sentence, (key) => places.find(key));
    const imports = document.has("environment");
    return {
      ...{ config, imports, isReadable: reading.isReadable },
      declares: imports || reading.values.some(({ key }) => key.startsWith(prefix)),
      settings: Object.fromEntries(reading.settings.map(({ key, node }) => [key, plain(node, document)])),
      mistakes: [...reading.sentences, ...inheritedNames(config), ...cipherMistakes(config)].map(locate),
      locate,
    };
  } catch (error) {
    // Aliases within aliases that would grow without bound.
    return unreadable(file, [
      whole(file, `cannot be read (${error instanceof Error ? error.message : error}); write the values out`),
    ]);
  }
}

/** Tags of what JSON has too, which is how the engine passes values on. */
const plainTags = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|merge)$/;

/** Keys of the file's top and of its config, with the sentences about those that are wrong. */
class TopLevel {
  readonly sentences: string[] = [];
  readonly values: { readonly key: string; readonly node: unknown }[] = [];
  readonly settings: { readonly key: string; readonly node: unknown }[] = [];
  isReadable = true;
  readonly #written = new Map<string, string>();
  readonly #places: YamlPlaces;

  constructor(places: YamlPlaces) {
    this.#places = places;
  }

  add(pair: Pair): void {
    const key = textOf(pair.key);
    this.#places.addPair(key, pair);
    if ((topLevelKeys as readonly string[]).includes(key)) {
      if (key === "config") this.#config("config", pair.value);
      else this.settings.push({ key, node: pair.value });
      return;
    }
    const { sentence, meant } = topLevelMistake(key);
    this.sentences.push(sentence);
    if (meant === "config") this.#config(key, pair.value);
    else this.isReadable &&= meant !== undefined;
  }

  #config(at: string, node: unknown): void {
    if (!isMap(node)) {
      this.isReadable = false;
      const kind = node === null || (isScalar(node) && node.value === null) ? "has no value" : `is ${kindOf(node)}`;
      this.sentences.push(`${at}: ${kind}; write the keys below it, such as "${prefix}zoo:"`);
      return;
    }
    for (const pair of node.items as Pair[]) this.#configKey(pair);
  }

  #configKey(pair: Pair): void {
    const written = textOf(pair.key);
    const parsed = configKey(written);
    this.#places.addPair(written, pair);
    if (!parsed) {
      this.sentences.push(`${show(written)} is not a config key; write <namespace>:<name>, such as ${prefix}zoo`);
      return;
    }
    let { namespace } = parsed;
    if (!namespaces.includes(namespace)) {
      const { sentence, meant } = namespaceMistake(written, parsed);
      this.sentences.push(sentence);
      if (meant === undefined) return;
      namespace = meant;
    }
    const key = `${namespace}:${parsed.name}`;
    const other = this.#written.get(key);
    if (other !== undefined) {
      this.sentences.push(`${key}: is there twice, as ${show(other)} and ${show(written)}; remove one of the two`);
      return;
    }
    this.#written.set(key, written);
    if (isOwn({ ...parsed, namespace })) this.#places.addOwn(parsed.name, pair);
    if (pair.value === null || (isScalar(pair.value) && pair.value.value === null)) {
      this.sentences.push(`${written.includes(":") ? written : key}: has no value; give one, or remove the key`);
      return;
    }
    this.values.push({ key, node: pair.value });
  }
}

/** Names that every JavaScript object has: a mapping cannot be asked for them. */
function inheritedNames(config: Readonly<Record<string, unknown>>): string[] {
  const found: string[] = [];
  const walk = (path: readonly PropertyKey[], value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const at = [...path, Array.isArray(value) ? Number(key) : key];
      if (key in Object.prototype) found.push(`${keyPath(at)}: ${show(key)} cannot be used as a name; choose another`);
      walk(at, inner);
    }
  };
  for (const [key, value] of Object.entries(config)) {
    if (key.startsWith(prefix)) walk([key.slice(prefix.length)], value);
  }
  return found;
}

function decode(bytes: Uint8Array): { text: string; mistake?: undefined } | { text?: undefined; mistake: string } {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || bytes.includes(0);
  if (isUtf16) return { mistake: "is UTF-16 text; save it as UTF-8" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { mistake: "is not UTF-8 text; save it as UTF-8" };
  }
}

function plain(node: unknown, document: Parameters<Node["toJS"]>[0]): unknown {
  return isAlias(node) || isMap(node) || isScalar(node) || (typeof node === "object" && node !== null)
    ? (node as Node).toJS(document)
    : node;
}

function textOf(node: unknown): string {
  return isScalar(node) ? String(node.value) : String(node);
}

function kindOf(node: unknown): string {
  if (isMap(node)) return "a mapping";
  return isScalar(node) ? `the text ${show(node.value)}` : "a list";
}

function whole(file: string, message: string): Mistake {
  return { file, line: null, column: null, key: null, value: null, message, fix: null };
}

function unreadable(file: string, mistakes: Mistake[]): StackFileReading {
  const locate = (sentence: string): Mistake => mistakeOf(file, sentence, () => undefined);
  return {
    config: {},
    settings: {},
    mistakes: mistakes.sort(byPlace),
    isReadable: false,
    declares: false,
    imports: false,
    locate,
  };
}
