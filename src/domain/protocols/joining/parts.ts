import { indexOf, inOrder, isObject, type Json } from "./json.ts";

/** Fields that come whole, once or with every part; text of all others is appended. */
const whole: ReadonlySet<string> = new Set(["role", "type", "id", "name"]);
/** Fields by which a model says nothing yet. */
const silent: ReadonlySet<string> = new Set(["role", "type", "id", "index"]);

/**
 * An object that comes in parts, such as a chat's `delta`s, joined as OpenAI's own clients do it: text is appended, lists too, except that entries
 * with an `index` are parts themselves. Fields that no specification has join by the same rules.
 */
export class Parts {
  // A map, since a field may be called `__proto__`.
  readonly #fields = new Map<string, unknown>();

  /** Answers whether the part changes what the model says. */
  add(part: Json): boolean {
    let says = false;
    for (const [key, value] of Object.entries(part)) {
      if (key === "index") continue;
      if (this.#join(key, value) && !silent.has(key)) says = true;
    }
    return says;
  }

  toObject(): Json {
    return Object.fromEntries([...this.#fields].map(([key, value]) => [key, plain(value)]));
  }

  #join(key: string, value: unknown): boolean {
    const before = this.#fields.get(key);
    if (value === null || value === undefined) {
      if (before === undefined) this.#fields.set(key, null);
      return false;
    }
    if (typeof value === "string") {
      const text = typeof before === "string" ? before : "";
      if (!whole.has(key)) this.#fields.set(key, text + value);
      else if (text === "") this.#fields.set(key, value);
      return value !== "";
    }
    if (Array.isArray(value)) {
      const list = before instanceof PartList ? before : new PartList(key === "tool_calls");
      this.#fields.set(key, list);
      return list.add(value);
    }
    if (isObject(value)) {
      const parts = before instanceof Parts ? before : new Parts();
      this.#fields.set(key, parts);
      return parts.add(value);
    }
    this.#fields.set(key, value);
    return false;
  }
}

class PartList {
  readonly #entries = new Map<number, unknown>();
  #next = 0;
  /** Some servers leave the index of tool calls out: then one without an id goes on with the last. */
  readonly #goesOn: boolean;

  constructor(goesOn: boolean) {
    this.#goesOn = goesOn;
  }

  add(entries: readonly unknown[]): boolean {
    let says = false;
    for (const entry of entries) {
      if (!isObject(entry)) {
        this.#set(this.#next, entry);
        says = true;
        continue;
      }
      const goesOn = this.#goesOn && this.#entries.size > 0 && !entry.id;
      const index = indexOf(entry.index, goesOn ? this.#next - 1 : this.#next);
      const before = this.#entries.get(index);
      const parts = before instanceof Parts ? before : new Parts();
      this.#set(index, parts);
      if (parts.add(entry)) says = true;
    }
    return says;
  }

  toList(): unknown[] {
    return inOrder(this.#entries).map(plain);
  }

  #set(index: number, entry: unknown): void {
    this.#entries.set(index, entry);
    this.#next = Math.max(this.#next, index + 1);
  }
}

function plain(value: unknown): unknown {
  if (value instanceof Parts) return value.toObject();
  return value instanceof PartList ? value.toList() : value;
}
