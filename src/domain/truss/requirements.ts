import { parse as parseToml } from "smol-toml";
import { messageOf } from "../errors.ts";
import { pythonStrip } from "./pythonStrip.ts";
import { refuse } from "./refusals.ts";

/** What a requirements file is, by its name, as the truss library decides. */
export type RequirementsFileType = "pip" | "pyproject" | "uv_lock";

export function requirementsFileType(path: string): RequirementsFileType {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name === "uv.lock" ? "uv_lock" : name === "pyproject.toml" ? "pyproject" : "pip";
}

/** File whose requirements count for signature and patches: for `uv.lock` the `pyproject.toml` beside it. */
export function requirementsSource(path: string): string {
  if (requirementsFileType(path) !== "uv_lock") return path;
  return `${path.slice(0, path.lastIndexOf("/") + 1)}pyproject.toml`;
}

/** Requirements of a pip file: lines, trimmed, without blanks and whole-line comments; comments behind a requirement stay. */
export function parsePipRequirements(text: string): string[] {
  return text
    .split(/\r\n|\r|\n/)
    .map(pythonStrip)
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/**
 * `project.dependencies` of a pyproject.toml that are requirements in the sense of PEP 508; others, such as local
 * paths, are left out, as the library does.
 */
export function parsePyproject(text: string, file: string): string[] {
  let document: Record<string, unknown>;
  try {
    document = parseToml(text);
  } catch (error) {
    throw refuse("truss.requirements-not-toml", { file, reason: messageOf(error).split("\n", 1).join("") }, error);
  }
  const dependencies = (document.project as { dependencies?: unknown } | undefined)?.dependencies ?? [];
  if (!Array.isArray(dependencies)) throw refuse("truss.dependencies-not-a-list", { file });
  return dependencies.filter((item): item is string => typeof item === "string" && requirementName(item) !== undefined);
}

/** Name part of a PEP 508 requirement as written, or undefined when the text is none. */
export function requirementName(text: string): string | undefined {
  const version = String.raw`[ \t]*(?:===[ \t]*[^\s,;()]*|(?:==|~=|!=|<=|>=|<|>)[ \t]*v?[0-9][^\s,;()=<>]*)[ \t]*`;
  const versions = `${version}(?:,${version})*,?[ \\t]*`;
  const pattern = new RegExp(
    `^[ \\t]*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)[ \\t]*(?:\\[[^\\]]*\\][ \\t]*)?` +
      `(?:@[ \\t]*\\S+(?:[ \\t]+;.*|[ \\t]*)|(?:\\([ \\t]*(?:${versions})?\\)|(?:${versions})?)[ \\t]*(?:;.*\\S.*)?)$`,
  );
  return pattern.exec(text)?.[1];
}
