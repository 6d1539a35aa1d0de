import type { ClientBase } from "pg";

/** Called before and after each statement of a run; they are numbered from 1. */
export interface Statements {
  before?(number: number, text: string): Promise<void>;
  /** The statement is on its way, and its answer has not come yet. */
  sent?(number: number): void;
  after?(number: number): Promise<void>;
}

/** The client, with something that happens around each of its statements. */
export function watched(client: ClientBase, statements: Statements): ClientBase {
  let count = 0;
  return new Proxy(client, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key !== "query") return typeof value === "function" ? value.bind(target) : value;
      return async (...args: unknown[]) => {
        count += 1;
        const number = count;
        await statements.before?.(number, String(args[0]));
        const answer = (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
        statements.sent?.(number);
        const result = await answer;
        await statements.after?.(number);
        return result;
      };
    },
  });
}
