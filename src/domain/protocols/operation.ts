/** Protocols by which clients ask models. */
export const protocols = ["kserve-v1", "kserve-v2", "openai", "anthropic", "own"] as const;
export type Protocol = (typeof protocols)[number];

/** One thing that a model is asked, as it is stored with a request. */
export const operationNames = [
  "predict",
  "explain",
  "infer",
  "chat",
  "completions",
  "embeddings",
  "responses",
  "messages",
  "own",
] as const;
export type OperationName = (typeof operationNames)[number];

/** How the pieces of a streamed answer become the answer that would have come unstreamed. */
export type Joining = "chat" | "completions" | "responses" | "messages" | "none";

/** Whether the answers of an operation tell more than what the model says: tokens, or when it began to say it. */
export function tellsFacts({ joining, tokens }: Pick<Operation, "joining" | "tokens">): boolean {
  return joining !== "none" || tokens !== undefined;
}

/** One operation of a protocol: everything that differs between them and that recorder, comparison and replay go by. */
export interface Operation {
  readonly name: OperationName;
  readonly protocol: Protocol;
  /** Matches the decoded path at the model, such as `/v1/models/model:predict`. */
  readonly path: RegExp;
  /** How its answer comes in pieces, where the request asks for that. */
  readonly joining: Joining;
  /** Fields of an answer that say nothing about the model, as paths of `domain/shadow/fieldPath`: not compared unless a rule says so. */
  readonly ignored: readonly string[];
  /** Fields of an answer that hold what the model says in words. */
  readonly texts: readonly string[];
  /** Fields of an answer whose text is JSON, whatever spaces it has: a tool call's arguments. */
  readonly jsonTexts: readonly string[];
  /** Fields of an answer that may hold numbers as base64 of 32-bit floats: `floatsOf` reads them. */
  readonly floats: readonly string[];
  /** Fields of an answer's `usage` that count tokens; undefined where it has none. */
  readonly tokens?: { readonly prompt: string; readonly completion: string };
  /** Fields of an answer of which null, an empty list and nothing at all say the same: streams leave them out. @default none */
  readonly omittable?: readonly string[];
  /** Fields that a server may leave out, whatever the model says: compared where both answers have them. @default none */
  readonly whereBoth?: readonly string[];
  /** Whether a model may answer the same request in another way, by chance: it writes. @default false */
  readonly isSampled?: boolean;
  /** What a request says to be answered in pieces, and with its usage. Undefined where its answers come whole. */
  readonly streaming?: Readonly<Record<string, unknown>>;
  /** Fields of a request that hold what is said to the model, in the order of a conversation. @default none */
  readonly said?: readonly string[];
}
