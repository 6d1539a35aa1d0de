import type { Operation } from "../protocols/operation.ts";

/** Fields of a request that say how long its answer may be; the first that is there counts. */
const longest: Readonly<Partial<Record<Operation["name"], readonly string[]>>> = {
  chat: ["max_completion_tokens", "max_tokens"],
  completions: ["max_tokens"],
  responses: ["max_output_tokens"],
  messages: ["max_tokens"],
};

/** Reserved where a model says nothing else. */
export const defaultMaxTokens = 4_096;

/** Tokens that are reserved for a request. */
export interface TokenReservation {
  readonly tokens: number;
  /** Whether the request says so itself. */
  readonly isAsked: boolean;
}

/**
 * How many tokens a request may take: what it asks for at most, for each of the answers that it wants (`n`), else the model's limit.
 *
 * @param body - whole; undefined where it is not at hand
 */
export function reservationOf(operation: Operation, body: Uint8Array | undefined, modelMax: number): TokenReservation {
  const asked = body && askedMost(operation, body);
  return asked === undefined ? { tokens: modelMax, isAsked: false } : { tokens: asked, isAsked: true };
}

function askedMost({ name }: Operation, body: Uint8Array): number | undefined {
  const fields = longest[name];
  if (!fields) return undefined;
  let request: unknown;
  try {
    request = JSON.parse(new TextDecoder().decode(body));
  } catch {
    // Of what is not JSON the model says so itself.
    return undefined;
  }
  if (typeof request !== "object" || request === null) return undefined;
  const values = request as Readonly<Record<string, unknown>>;
  const count = (field: string) => {
    const value = values[field];
    return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
  };
  const field = fields.find((each) => count(each) !== undefined);
  if (field === undefined) return undefined;
  const answers = name === "chat" || name === "completions" ? (count("n") ?? 1) : 1;
  return (count(field) ?? 0) * answers;
}
