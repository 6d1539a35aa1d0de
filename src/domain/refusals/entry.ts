/**
 * One way in which something is refused. `{name}` stands for a value; braces around anything else are text, such as an example in
 * YAML. A sentence reads `<key>: <says>; <fix>`.
 */
export interface RefusalEntry {
  /** What is wrong. */
  readonly says: string;
  /** What to change; empty where `says` is enough, or where the fix is a value that may be. */
  readonly fix: string;
  /** For the reference: why this cannot be, or what leads to it, a sentence or two. */
  readonly cause: string;
  /**
   * Exit code of the process that it ends: 1 failed, 2 bad input, 3 gate not met, or not agreed to.
   * @default 2
   */
  readonly exit?: 1 | 3;
}

/** The refusals of one area, by id: `<area>.<what is wrong>`, in words that a reader of the throwing code understands. */
export type RefusalTable = Readonly<Record<string, RefusalEntry>>;

/** Values that an entry's sentence is made with. */
export type ValuesOf<Entry extends RefusalEntry> = {
  readonly [Name in Placeholders<Entry["says"] | Entry["fix"]>]: string | number;
};

/** Names of the values in a text: what stands alone in braces. */
export type Placeholders<Text extends string> = Text extends `${string}{${infer Inside}}${infer Rest}`
  ? (IsName<Inside> extends true ? Inside : LastName<Inside>) | Placeholders<Rest>
  : never;

/** Such as `replicas: <nodes>` is none. */
type IsName<Inside extends string> = Inside extends "" | `${string}${" " | ":" | "<" | "{" | "," | "…"}${string}`
  ? false
  : true;

/** Of `{from: {id}}` the inner one. */
type LastName<Inside extends string> = Inside extends `${string}{${infer Deeper}`
  ? IsName<Deeper> extends true
    ? Deeper
    : LastName<Deeper>
  : never;
