import { diffArrays } from "diff";
import { plain } from "../audit/entry.ts";
import { describeOperation } from "./describe.ts";
import type { FileBody, PatchOperation } from "./operation.ts";

/** What one operation of a patch changes. */
export interface OperationDifference {
  /** Such as `UPDATE model_code model.py`. */
  readonly operation: string;
  /** Lines of the file; undefined for what is no text. */
  readonly lines?: readonly DiffLine[] | undefined;
  /** What the lines do not say; undefined where they say all. */
  readonly note?: string | undefined;
}

/** A line of a file, or (`gap`) how many are left out between two changes. */
export interface DiffLine {
  readonly of: "both" | "before" | "after" | "gap";
  readonly text: string;
}

/** Lines around a change that are shown with it. */
const context = 3;
/** Files that have less in common are shown as a whole, in time that stays bounded. */
const mostEdits = 5_000;
/** Lines of one file. */
const mostLines = 4_000;

/**
 * What the operations of a patch change, line by line.
 *
 * @param before - content of files before the patch, by operation's type and path, as far as patches before it hold it
 */
export function patchDifference(
  operations: readonly PatchOperation[],
  before: ReadonlyMap<string, string>,
): OperationDifference[] {
  return operations.map((operation): OperationDifference => {
    const described = describeOperation(operation);
    const { type, body } = operation;
    if (type === "config") return { operation: described, note: "config.yaml, as the head's signature has it" };
    if (type !== "model_code" && type !== "package") return { operation: described };
    return { operation: described, ...fileDifference(body, before.get(`${type} ${body.path}`)) };
  });
}

function fileDifference({ action, content, content_bytes }: FileBody, before: string | undefined) {
  if (content_bytes !== undefined) return { note: "the file is not text" };
  const after = action === "REMOVE" ? "" : (content ?? "");
  if (before === undefined && action === "REMOVE") return { note: "the file was part of the image" };
  const lines = lineDifference(before ?? "", after);
  const cut = lines.length > mostLines ? lines.slice(0, mostLines) : lines;
  const notes = [
    ...(before === undefined && action === "UPDATE" ? ["the whole file: what was before is part of the image"] : []),
    ...(cut.length < lines.length ? [`${lines.length - cut.length} more lines are left out`] : []),
  ];
  return { lines: cut, note: notes.length === 0 ? undefined : notes.join("; ") };
}

/** Where two texts differ, line by line, with some lines around each change. */
export function lineDifference(before: string, after: string): DiffLine[] {
  const [left, right] = [linesOf(before), linesOf(after)];
  const changes = diffArrays(left, right, { maxEditLength: mostEdits }) ?? [
    { removed: true, added: false, value: left },
    { removed: false, added: true, value: right },
  ];
  return changes.flatMap(({ added, removed, value }, place): DiffLine[] => {
    if (added || removed) return value.map((text) => ({ of: added ? "after" : "before", text }));
    const [head, tail] = [place === 0 ? 0 : context, place === changes.length - 1 ? 0 : context];
    const both = (texts: readonly string[]) => texts.map((text): DiffLine => ({ of: "both", text }));
    const left = value.length - head - tail;
    if (left <= 1) return both(value);
    return [
      ...both(value.slice(0, head)),
      { of: "gap", text: `${left} lines` },
      ...both(value.slice(value.length - tail)),
    ];
  });
}

/** A file's last line ends as the others do. */
function linesOf(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

/** As a terminal shows it: `+` and `-` before lines that came and went. */
export function describeDifference({ operation, lines = [], note }: OperationDifference): string[] {
  const signs = { both: " ", before: "-", after: "+", gap: "@" } as const;
  return [
    note === undefined ? operation : `${operation} (${note})`,
    ...lines.map(({ of, text }) => `${signs[of]} ${plain(text)}`),
  ];
}
