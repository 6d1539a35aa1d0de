import { type FieldDrift, secretValue } from "./drift.ts";
import { placeText } from "./fields.ts";

/** A line about one field: `spec.http[0].timeout: added 5s (kubectl-patch, 2026-11-29T10:12:00Z)`. */
export function describeDrift({ place, kind, declared, live, by }: FieldDrift, isSecret: boolean): string {
  const show = (value: unknown): string => (isSecret || declared === secretValue ? "[secret]" : shown(value));
  const change = {
    changed: `${show(declared)} → ${show(live)}`,
    removed: `${show(declared)} → removed`,
    added: `added ${show(live)}`,
    held: `${show(live)} as applied, but written by somebody else`,
  }[kind];
  const who = by ? ` (${[by.manager, by.time].filter(Boolean).join(", ")})` : "";
  return `${placeText(place)}: ${change}${who}`;
}

const longestShown = 120;

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text.replaceAll("\n", " ");
}
