import { isAlias, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument, visit } from "yaml";
import { messageOf } from "../domain/errors.ts";
import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import { cipherIssues } from "./ciphers.ts";
import { show } from "./fields.ts";
import { byPlace, type Issue, issueOf } from "./issue.ts";
import { keyPath, prefix } from "./sentences.ts";
import { configKey, isOwn, namespaceIssue, namespaces, topLevelIssue, topLevelKeys } from "./stackFileKeys.ts";
import { startOf, YamlPlaces } from "./yamlPlaces.ts";

/** A stack file that was read from its first line on, with what is wrong with it besides the values of keys. */
export interface StackFileReading {
  /** Keys of every namespace with their prefix, `{secure: …}` for what is encrypted. Typos in prefixes are put right. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Keys of the file's top besides `config`: salt and provider of secrets, `environment`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly issues: readonly Issue[];
  /** Whether `config` can be judged; false if the file is not YAML, or not a mapping. */
  readonly isReadable: boolean;
  /** Whether any key of this project is there, or an `environment:` that may hold some. */
  readonly declares: boolean;
  /** Whether keys come from an `environment:` of Pulumi ESC, which only the engine can read. */
  readonly imports: boolean;
  /** Finds the place of what is refused. */
  locate(refused: Refusal): Issue;
}

/**
 * Reads `Pulumi.<stack>.yaml` strictly. It never throws: whatever the bytes are, the mistakes say what is wrong with them.
 *
 * @param file - its name for mistakes
 */
export function readStackText(bytes: Uint8Array, file: string): StackFileReading {
  const text = decode(bytes);
  if (text.issue !== undefined) return unreadable(file, [whole(file, text.issue)]);
  const lines = new LineCounter();
  // The engine merges by `<<` as well. At "silent" a second document would go unnoticed, as it does by the engine.
  const document = parseDocument(text.text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
    merge: true,
  });
  const places = new YamlPlaces(lines);
  const at = (offset: number, issue: Refusal): Issue => ({ ...whole(file, issue), ...places.at(offset) });
  const broken = [...document.errors, ...document.warnings].map(({ message, pos }) =>
    at(pos[0], refusal("file.yaml", null, { problem: message, fix: "" })),
  );
  visit(document, {
    Node(_, node) {
      if (isAlias(node) || node.tag === undefined || plainTags.test(node.tag)) return;
      broken.push(at(startOf(node) ?? 0, refusal("file.tag", null, { tag: node.tag })));
    },
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document);
      if (target && !ancestors.includes(target)) return;
      if (target) {
        broken.push(at(startOf(alias) ?? 0, refusal("file.alias-cycle", null, { alias: alias.source })));
        return;
      }
      broken.push(at(startOf(alias) ?? 0, refusal("file.alias-unknown", null, { alias: alias.source })));
    },
  });
  if (broken.length > 0) return unreadable(file, broken);
  const top = document.contents;
  if (top === null || (isScalar(top) && top.value === null)) return { ...unreadable(file, []), isReadable: true };
  if (!isMap(top)) {
    return unreadable(file, [at(startOf(top) ?? 0, refusal("file.not-a-mapping", null, { kind: kindOf(top) }))]);
  }
  const reading = new TopLevel(places);
  for (const pair of top.items as Pair[]) reading.add(pair);
  try {
    // Values of the document's own nodes, after its aliases were found to be right.
    const values = new Map(reading.values.map(({ key, node }) => [key, plain(node, document)]));
    const config = Object.fromEntries(values);
    const locate = (issue: Refusal): Issue => issueOf(file, issue, (key) => places.find(key));
    const imports = document.has("environment");
    return {
      config,
      imports,
      isReadable: reading.isReadable,
      declares: imports || reading.values.some(({ key }) => key.startsWith(prefix)),
      settings: Object.fromEntries(reading.settings.map(({ key, node }) => [key, plain(node, document)])),
      issues: [...reading.issues, ...inheritedNames(config), ...cipherIssues(config)].map(locate),
      locate,
    };
  } catch (error) {
    // Aliases within aliases that would grow without bound.
    return unreadable(file, [whole(file, refusal("file.aliases-too-large", null, { reason: messageOf(error) }))]);
  }
}

/** Tags of what JSON has too, which is how the engine passes values on. */
const plainTags = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|merge)$/;

/** Keys of the file's top and of its config, with what is wrong with them. */
class TopLevel {
  readonly issues: Refusal[] = [];
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
    const { issue, meant } = topLevelIssue(key);
    this.issues.push(issue);
    if (meant === "config") this.#config(key, pair.value);
    else this.isReadable &&= meant !== undefined;
  }

  #config(at: string, node: unknown): void {
    if (!isMap(node)) {
      this.isReadable = false;
      const kind = node === null || (isScalar(node) && node.value === null) ? "has no value" : `is ${kindOf(node)}`;
      this.issues.push(refusal("config.not-a-mapping", at, { problem: kind }));
      return;
    }
    for (const pair of node.items as Pair[]) this.#configKey(pair);
  }

  #configKey(pair: Pair): void {
    const written = textOf(pair.key);
    const parsed = configKey(written);
    this.#places.addPair(written, pair);
    if (!parsed) {
      this.issues.push(refusal("config.not-a-key", null, { written: show(written) }));
      return;
    }
    let { namespace } = parsed;
    if (!namespaces.includes(namespace)) {
      const { issue, meant } = namespaceIssue(written, parsed);
      this.issues.push(issue);
      if (meant === undefined) return;
      namespace = meant;
    }
    const key = `${namespace}:${parsed.name}`;
    const other = this.#written.get(key);
    if (other !== undefined) {
      this.issues.push(refusal("config.written-twice", key, { first: show(other), second: show(written) }));
      return;
    }
    this.#written.set(key, written);
    if (isOwn({ ...parsed, namespace })) this.#places.addOwn(parsed.name, pair);
    if (pair.value === null || (isScalar(pair.value) && pair.value.value === null)) {
      this.issues.push(refusal("config.no-value", written.includes(":") ? written : key));
      return;
    }
    this.values.push({ key, node: pair.value });
  }
}

/** Names that every JavaScript object has: a mapping cannot be asked for them. */
function inheritedNames(config: Readonly<Record<string, unknown>>): Refusal[] {
  const found: Refusal[] = [];
  const walk = (path: readonly PropertyKey[], value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const at = [...path, Array.isArray(value) ? Number(key) : key];
      if (key in Object.prototype) found.push(refusal("config.inherited-name", keyPath(at), { name: show(key) }));
      walk(at, inner);
    }
  };
  for (const [key, value] of Object.entries(config)) {
    if (key.startsWith(prefix)) walk([key.slice(prefix.length)], value);
  }
  return found;
}

function decode(bytes: Uint8Array): { text: string; issue?: undefined } | { text?: undefined; issue: Refusal } {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || bytes.includes(0);
  if (isUtf16) return { issue: refusal("file.encoding", null, { encoding: "UTF-16 text" }) };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { issue: refusal("file.encoding", null, { encoding: "not UTF-8 text" }) };
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

const whole = (file: string, issue: Refusal): Issue => issueOf(file, issue, () => undefined);

function unreadable(file: string, issues: Issue[]): StackFileReading {
  const locate = (issue: Refusal): Issue => issueOf(file, issue, () => undefined);
  return {
    config: {},
    settings: {},
    issues: issues.sort(byPlace),
    isReadable: false,
    declares: false,
    imports: false,
    locate,
  };
}
