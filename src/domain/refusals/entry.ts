/**
 * One way in which something is refused. `{name}` stands for a value; braces around anything else are text, such as an example in
 * YAML. A sentence reads `<key>: <says>; <fix>`.
 */
export interface RefusalEntry {
  /** What is wrong. */
  readonly says: string;
  /** What to change; empty where `says` is enough, or where the fix is a value that may be. */
  readonly fix: string;
  /** For the reference: why this cannot be, a sentence or two. */
  readonly cause: string;
}

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
