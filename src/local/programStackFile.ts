import { loadAll } from "js-yaml";
import { isMapping } from "../domain/mapping.ts";

/** A stack file of a program whose config is its own business: any namespace may be in it. */
export interface ProgramStackFile {
  /** Keys with their namespaces. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Keys of the file's top besides `config`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** False for what is not a stack file. */
  readonly isReadable: boolean;
}

/** Reads the text of a stack file as the engine does; a key without namespace is the project's own. */
export function readProgramStack(text: string, project: string): ProgramStackFile {
  const unreadable = { config: {}, settings: {}, isReadable: false };
  let written: unknown;
  try {
    written = loadAll(text)[0] ?? {};
  } catch {
    return unreadable;
  }
  if (!isMapping(written)) return unreadable;
  const { config = {}, ...settings } = written;
  if (!isMapping(config)) return { ...unreadable, settings };
  const named = Object.entries(config).map(([key, value]) => [key.includes(":") ? key : `${project}:${key}`, value]);
  return { config: Object.fromEntries(named), settings, isReadable: true };
}
