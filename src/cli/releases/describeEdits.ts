import type { ConfigEdit } from "../../domain/release/restore.ts";

/** What was written into a stack's file, in lines. */
export function describeEdits(title: string, edits: readonly ConfigEdit[]): string {
  if (edits.length === 0) return `${title} already`;
  const lines = edits.map(({ path, from, to }) => {
    const key = `menagerie:${path.join(".")}`;
    if (to === undefined) return `  - ${key}: ${JSON.stringify(from)}`;
    return from === undefined
      ? `  + ${key}: ${JSON.stringify(to)}`
      : `  ~ ${key}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`;
  });
  return [`${title}:`, ...lines].join("\n");
}
