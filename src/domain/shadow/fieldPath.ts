/** A place in a JSON document: names of keys, and `*` for every entry of a list. */
export type FieldPath = readonly string[];

const step = /(?:^|(?<=.)\.)([A-Za-z_$][\w$-]*)|\[(\*|\d+)\]|\["((?:[^"\\]|\\.)*)"\]/y;

/**
 * Reads a path such as `results[*].score`, `["odd key"].x` or `$.results[0]`; `$` alone is the whole answer. Numbers in
 * brackets are one entry of a list, `[*]` is all of them. Undefined for what is not a path.
 */
export function parseFieldPath(text: string): FieldPath | undefined {
  const rest = text === "$" ? "" : text.replace(/^\$\.?(?=[A-Za-z_[])/, "");
  const path: string[] = [];
  step.lastIndex = 0;
  while (step.lastIndex < rest.length) {
    const match = step.exec(rest);
    if (!match) return undefined;
    path.push(match[1] ?? match[2] ?? JSON.parse(`"${match[3] ?? ""}"`));
  }
  return text === "" ? undefined : path;
}

/** The path as it is written; the inverse of {@link parseFieldPath}. */
export function formatFieldPath(path: FieldPath): string {
  let text = "";
  for (const part of path) text = /^(\*|\d+)$/.test(part) ? `${text}[${part}]` : appendKey(text, part);
  return text === "" ? "$" : text;
}

/** The path of a key below `path`, which is empty for the whole answer. */
export function appendKey(path: string, key: string): string {
  if (!plainKey.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

const plainKey = /^[A-Za-z_$][\w$-]*$/;

/** Rules by path, looked up one step at a time while a document is walked. */
export interface PathNode<Rule> {
  readonly rule: Rule | undefined;
  child(part: string, isIndex: boolean): PathNode<Rule> | undefined;
}

/** Merges rules into one tree; where several say something about one place, the last wins. */
export function pathTree<Rule>(rules: Iterable<readonly [FieldPath, Rule]>): PathNode<Rule> {
  const root = new TreeNode<Rule>();
  for (const [path, rule] of rules) root.add(path, rule);
  return root;
}

class TreeNode<Rule> implements PathNode<Rule> {
  rule: Rule | undefined = undefined;
  readonly #children = new Map<string, TreeNode<Rule>>();

  add(path: FieldPath, rule: Rule): void {
    let node: TreeNode<Rule> = this;
    for (const part of path) {
      let next = node.#children.get(part);
      if (!next) {
        next = new TreeNode<Rule>();
        node.#children.set(part, next);
      }
      node = next;
    }
    node.rule = rule;
  }

  child(part: string, isIndex: boolean): TreeNode<Rule> | undefined {
    const exact = this.#children.get(part);
    return exact ?? (isIndex ? this.#children.get("*") : undefined);
  }
}
