import { prefix } from "./sentences.ts";

/**
 * The keys of this project in a stack's config, without their prefix. The engine passes every value as text and
 * structured ones as JSON, so a mapping or list is what starts as one; all scalars at this level are text.
 */
export function stackConfig(all: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(all)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), /^\s*[[{]/.test(value) ? structured(value) : value]),
  );
}

function structured(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
