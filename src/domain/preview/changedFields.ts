import { maskedText } from "../credentials/maskedText.ts";
import { isMapping } from "../mapping.ts";
import { code, item } from "./markdown.ts";
import { type FieldChange, isComponent, type PreviewStep, shortType, showsConfig } from "./preview.ts";

/** Fields that a comment shows of one resource, and characters of one value; the rest is counted. */
const mostFields = 12;
const longestValue = 80;

/** Each resource that is updated or replaced, with its changed inputs, old → new; those with the fewest changes first. */
export function changedResources(steps: readonly PreviewStep[]): string[] {
  return steps
    .filter(({ op, before, after }) => (op === "update" || op === "replace") && before && after)
    .filter((step) => !isComponent(step) || showsConfig(step))
    .map((step) => ({ step, changes: changesOf(step.before?.inputs, step.after?.inputs) }))
    .filter(({ changes }) => changes.length > 0)
    .sort((one, other) => one.changes.length - other.changes.length || one.step.urn.localeCompare(other.step.urn))
    .map(({ step: { op, type, name }, changes }) => {
      const shown = changes
        .slice(0, mostFields)
        .map(({ path, before, after }) => `${code(path)}: ${show(before)} → ${show(after)}`);
      const more = changes.length - shown.length;
      const rest = more > 0 ? [`and ${more} more ${more === 1 ? "field" : "fields"}`] : [];
      return item([`${op} ${code(shortType(type))} ${code(name)}`, ...shown, ...rest].join("\n"));
    });
}

/** What differs, at its own place. The engine has already written "[secret]" for each value that is one. */
export function changesOf(before: unknown, after: unknown, path = ""): FieldChange[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, at) => changesOf(before[at], after[at], `${path}[${at}]`)).flat();
  }
  if (isMapping(before) && isMapping(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .filter((key) => !key.startsWith("__"))
      .sort();
    return keys.flatMap((key) => changesOf(before[key], after[key], joined(path, key)));
  }
  return [{ path, before, after }];
}

function joined(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}["${key}"]`;
  return path === "" ? key : `${path}.${key}`;
}

function show(value: unknown): string {
  if (value === undefined) return "none";
  const text = maskedText(typeof value === "string" ? value : JSON.stringify(value));
  if (text === "") return "empty";
  // The engine's sentinel for what is known only later.
  if (text === "04da6b54-80e4-46f7-96ec-b56ff0331ba9") return "known later";
  return code((text.length > longestValue ? `${text.slice(0, longestValue)}…` : text).replaceAll("\n", " "));
}
