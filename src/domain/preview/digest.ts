import { maskedText } from "../credentials/maskedText.ts";
import { stackType } from "../engineState.ts";
import { changesOf } from "./changedFields.ts";
import {
  type FieldChange,
  isComponent,
  type Preview,
  type PreviewStep,
  partsOfUrn,
  shortType,
  showsConfig,
} from "./preview.ts";

/** One changed resource, such as `update InferenceService iris-v2`, with its changed fields. */
export interface ChangedResource {
  readonly op: string;
  readonly what: string;
  readonly fields: readonly string[];
}

/** What a stack declares by one component at its top, such as a zoo model, or a resource outside of any. */
export interface DigestPart {
  readonly name: string;
  /** Such as `ModelZooEntry`. */
  readonly kind: string;
  /** What the program planned for it. */
  readonly planned: readonly string[];
  readonly changes: readonly ChangedResource[];
}

/** A preview for a person: what changes, by name, and apart from it what stays. */
export interface PreviewDigest {
  readonly changed: readonly DigestPart[];
  readonly unchanged: readonly DigestPart[];
  /** Changed outputs of the stack. */
  readonly outputs: readonly string[];
  readonly warnings: readonly string[];
}

const longestValue = 60;
const mostFields = 6;
const unchangedOps = new Set(["same", "read", "refresh"]);

/** Sorts what an engine tells in the order of its work. */
export function digestOf({
  steps,
  diagnostics,
  outputs = [],
}: Pick<Preview, "steps" | "diagnostics" | "outputs">): PreviewDigest {
  const parents = new Map(steps.map(({ urn, parent }) => [urn, parent]));
  const topOf = (urn: string): string => {
    const above = parents.get(urn);
    return above === undefined || partsOfUrn(above).type === stackType ? urn : topOf(above);
  };
  const parts = new Map<string, { planned: string[]; changes: ChangedResource[] }>();
  const partAt = (urn: string) => {
    const known = parts.get(urn) ?? { planned: [], changes: [] };
    parts.set(urn, known);
    return known;
  };
  for (const step of steps) {
    if (step.type === stackType) continue;
    const part = partAt(topOf(step.urn));
    if (!unchangedOps.has(step.op) && (!isComponent(step) || showsConfig(step))) part.changes.push(changeOf(step));
  }
  for (const { severity, message, urn } of diagnostics) {
    if (severity === "info" && urn !== undefined && parts.has(topOf(urn)))
      partAt(topOf(urn)).planned.push(message.trim());
  }
  const all = [...parts].map(([urn, { planned, changes }]): DigestPart => {
    const { name, type } = partsOfUrn(urn);
    const sorted = changes.sort((a, b) => order(a.what, b.what));
    return { name, kind: shortType(type).split(":").at(-1) ?? type, planned, changes: sorted };
  });
  const sorted = all.sort((a, b) => order(a.name, b.name) || order(a.kind, b.kind));
  const warnings = diagnostics.filter(({ severity }) => severity === "warning").map(({ message }) => message.trim());
  return {
    changed: sorted.filter(({ changes }) => changes.length > 0),
    unchanged: sorted.filter(({ changes }) => changes.length === 0),
    outputs: outputs.map(shownChange),
    warnings: [...new Set(warnings)].sort(),
  };
}

/** The digest as lines: changed parts with all there is to tell, the rest in a line each. */
export function digestLines({ changed, unchanged, outputs, warnings }: PreviewDigest): string[] {
  // Beside changed resources, outputs follow from those.
  const nothingElse = outputs.length === 0 ? ["nothing changes"] : ["only outputs change", ...indented(outputs)];
  return [
    ...(changed.length === 0 ? nothingElse : []),
    ...changed.flatMap(({ name, kind, planned, changes }) => [
      `${name} (${kind})`,
      ...planned.map((line) => `  ${line}`),
      ...changes.flatMap(({ op, what, fields }) => [`  ${op} ${what}`, ...fields.map((field) => `    ${field}`)]),
    ]),
    ...(unchanged.length === 0 ? [] : ["", "unchanged:"]),
    ...unchanged.map(
      ({ name, kind, planned: [first] }) => `  ${name} (${kind})${first === undefined ? "" : `  ${first}`}`,
    ),
    ...(warnings.length === 0 ? [] : ["", "warnings:"]),
    ...indented(warnings),
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function changeOf({ op, type, name, before, after }: PreviewStep): ChangedResource {
  const changes = before && after ? changesOf(before.inputs, after.inputs) : [];
  const fields = changes.slice(0, mostFields).map(shownChange);
  const more = changes.length - fields.length;
  return {
    op,
    what: `${shortType(type).split(":").at(-1)} ${name}`,
    fields: more > 0 ? [...fields, `and ${more} more`] : fields,
  };
}

function shownChange({ path, before, after }: FieldChange): string {
  return `${path}: ${shown(before)} → ${shown(after)}`;
}

function shown(value: unknown): string {
  if (value === undefined) return "none";
  const text = maskedText(typeof value === "string" ? value : JSON.stringify(value)).replaceAll("\n", " ");
  // The engine's sentinel for what is known only later.
  if (text === "04da6b54-80e4-46f7-96ec-b56ff0331ba9") return "known later";
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}

function order(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
