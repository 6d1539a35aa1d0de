import { refuse } from "./refusals.ts";

/** One compiled pattern: paths that match are left out, or with `!` kept after all. */
export interface IgnorePattern {
  readonly expression: RegExp;
  readonly leavesOut: boolean;
  /** Where all that counts is the name of the path or of a folder above it: a cheaper way to say the same. */
  readonly component?: ComponentPattern;
}

/** A pattern on single names, such as `*.pyc` or `build/`. */
export interface ComponentPattern {
  /** The name itself where the pattern is one, else the regular expression of the whole name. */
  readonly name: string | { readonly source: string };
  /** Of folders only: the last name of a path does not count, unless the path ends in `/`. */
  readonly isFolder: boolean;
}

/** Behind the last segment: the path itself, or anything below it. */
const itselfOrBelow = "(?:/|$)";

/**
 * Compiles one gitignore-style pattern with the semantics of pathspec's `gitwildmatch`, which the truss library uses
 * and which differs from git's: an anchored pattern that ends in `/**` or `/` matches what is below a folder.
 *
 * @returns undefined for a pattern that matches nothing: blank, a comment, `/`, or with an unclosed bracket.
 * @throws OperatorError for a pattern that the library refuses too.
 */
export function compileIgnorePattern(pattern: string): IgnorePattern | undefined {
  const text = pattern.endsWith("\\ ") ? pattern : pattern.trimEnd();
  if (text === "" || text.startsWith("#") || text === "/") return undefined;
  const leavesOut = !text.startsWith("!");
  const segments = normalizedSegments(leavesOut ? text : text.slice(1));
  if (segments.length === 0) throw refuse("truss.ignore-nothing", { pattern });
  const source = sourceOf(segments, pattern);
  if (source === undefined) return undefined;
  try {
    const component = componentOf(segments, pattern);
    return { expression: new RegExp(source, "u"), leavesOut, ...(component ? { component } : {}) };
  } catch (error) {
    throw refuse("truss.ignore-invalid", { pattern }, error);
  }
}

/** Segments relative to the root, where a single name has become `**` + name and a trailing slash `**`. */
function normalizedSegments(text: string): string[] {
  const segments = text.split("/");
  if (segments[0] === "") segments.shift();
  else if (segments.length === 1 || (segments.length === 2 && segments[1] === "")) {
    if (segments[0] !== "**") segments.unshift("**");
  }
  if (segments.length > 0 && segments.at(-1) === "") segments[segments.length - 1] = "**";
  return segments.filter((segment, index) => segment !== "**" || segments[index - 1] !== "**");
}

function sourceOf(segments: readonly string[], pattern: string): string | undefined {
  const joined = segments.join("/");
  const isFolderPattern = pattern.trimEnd().endsWith("/");
  if (joined === "**") return isFolderPattern ? "/" : ".";
  if (joined === "**/*") return ".";
  if (joined === "**/*/**") return "/";
  const last = segments.length - 1;
  let source = "";
  let needsSlash = false;
  for (const [index, segment] of segments.entries()) {
    if (segment === "**") {
      source += index === 0 ? "^(?:.+/)?" : index < last ? "(?:/.+)?" : "/";
      needsSlash = index > 0;
      continue;
    }
    const glob = segment === "*" ? "[^/]+" : globSource(segment, pattern);
    if (glob === undefined) return undefined;
    source += `${index === 0 ? "^" : ""}${needsSlash ? "/" : ""}${glob}${index === last ? itselfOrBelow : ""}`;
    needsSlash = true;
  }
  return source;
}

/** Of `**` + name and `**` + name + `**`; a bracket could match a slash and so more than one name, unless it lists letters. */
function componentOf(segments: readonly string[], pattern: string): ComponentPattern | undefined {
  const [first, name = "", last] = segments;
  if (first !== "**" || name === "*" || segments.length > 3 || (segments.length === 3 && last !== "**"))
    return undefined;
  if (segments.length === 1 || name.replaceAll(/\[[A-Za-z0-9]+\]/g, "").includes("[")) return undefined;
  const source = globSource(name, pattern);
  if (source === undefined) return undefined;
  return { name: /[\\*?[]/.test(name) ? { source } : name, isFolder: segments.length === 3 };
}

/** Regular expression of one segment; undefined when a bracket is not closed. */
function globSource(segment: string, pattern: string): string | undefined {
  let source = "";
  for (let index = 0; index < segment.length; index += 1) {
    const character = segment[index] ?? "";
    if (character === "\\") {
      index += 1;
      if (index === segment.length) throw refuse("truss.ignore-backslash", { pattern });
      source += escaped(segment[index] ?? "");
    } else if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "[") {
      const bracket = bracketSource(segment, index);
      if (!bracket) return undefined;
      source += bracket.source;
      index = bracket.end;
    } else source += escaped(character);
  }
  return source;
}

/** The bracket expression that opens at `start`; `end` is the index of what closes it. */
function bracketSource(segment: string, start: number): { source: string; end: number } | undefined {
  const negation = segment[start + 1] === "!" || segment[start + 1] === "^" ? 1 : 0;
  const first = start + 1 + negation;
  const end = segment.indexOf("]", segment[first] === "]" ? first + 1 : first);
  if (end < 0) return undefined;
  const content = segment.slice(first, end).replaceAll(/[\\\][^]/g, "\\$&");
  return { source: `[${negation ? "^" : ""}${content}]`, end };
}

function escaped(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
