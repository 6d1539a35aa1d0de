import type { StackConfig } from "../domain/release/restore.ts";
import { issuesError } from "./issue.ts";
import { prefix } from "./sentences.ts";
import { readStackText } from "./stackFile.ts";

/**
 * The project's own config in a stack file's text, keys without their prefix however they are written.
 * @throws OperatorError with a line for each mistake.
 */
export function ownConfig(text: string, file: string): StackConfig {
  const { config, issues } = readStackText(new TextEncoder().encode(text), file);
  if (issues.length > 0) throw issuesError(issues);
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
