import { quoteIdentifier } from "../identifier.ts";

/** Extensions are in `public`, where only their owner can make anything. */
export function searchPath(schema: string): string {
  return `${quoteIdentifier(schema)}, public`;
}
