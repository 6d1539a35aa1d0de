// biome-ignore lint/style/noRestrictedImports: what it says are sentences of the table, with their places.
import { badInput } from "../domain/errors.ts";
import type { StackConfig } from "../domain/release/restore.ts";
import { mistakeLine } from "./mistake.ts";
import { prefix } from "./sentences.ts";
import { readStackText } from "./stackFile.ts";

/**
 * The project's own config in a stack file's text, keys without their prefix however they are written.
 * @throws badInput with a line for each mistake.
 */
export function ownConfig(text: string, file: string): StackConfig {
  const { config, mistakes } = readStackText(new TextEncoder().encode(text), file);
  if (mistakes.length > 0) throw badInput(mistakes.map(mistakeLine).join("\n"));
  return withoutPrefix(config);
}

/** Keys of this project alone, without their prefix. */
export function withoutPrefix(config: Readonly<Record<string, unknown>>): StackConfig {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
}
