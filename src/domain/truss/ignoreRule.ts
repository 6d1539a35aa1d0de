import { type ComponentPattern, compileIgnorePattern, type IgnorePattern } from "./ignorePattern.ts";

/** Says whether a path is left out. Folders are asked for as such, because patterns that end in `/` match only them. */
export type IgnoreRule = (path: string, isFolder: boolean) => boolean;

/**
 * Rule of gitignore-style patterns, case-sensitive: of several that match, the last decides.
 * @throws OperatorError for an invalid pattern.
 */
export function ignoreRule(patterns: readonly string[]): IgnoreRule {
  const compiled = mergeRuns(patterns.map(compileIgnorePattern).filter((pattern) => pattern !== undefined));
  const isLeftOut = (path: string): boolean => compiled.findLast(({ matches }) => matches(path))?.leavesOut ?? false;
  return (path, isFolder) => isLeftOut(path) || (isFolder && isLeftOut(`${path}/`));
}

type Matches = (path: string) => boolean;

/** Neighbours that say the same become one question: the default list is asked once for each path, not ninety times. */
function mergeRuns(patterns: readonly IgnorePattern[]): { readonly matches: Matches; readonly leavesOut: boolean }[] {
  const runs: { patterns: IgnorePattern[]; leavesOut: boolean }[] = [];
  for (const pattern of patterns) {
    const run = runs.at(-1);
    if (run?.leavesOut === pattern.leavesOut) run.patterns.push(pattern);
    else runs.push({ patterns: [pattern], leavesOut: pattern.leavesOut });
  }
  return runs.map((run) => ({ matches: anyOf(run.patterns), leavesOut: run.leavesOut }));
}

/** Characters that `.` does not match, so that what is said about single names would be wrong of a path that has them. */
const lineBreak = /[\n\r\u2028\u2029]/;

function anyOf(patterns: readonly IgnorePattern[]): Matches {
  const whole = anyExpression(patterns);
  const components = patterns.flatMap(({ component }) => component ?? []);
  const others = patterns.filter(({ component }) => !component);
  const hasName = anyName(components);
  const matchesOther = others.length === 0 ? undefined : anyExpression(others);
  return (path) => (lineBreak.test(path) ? whole.test(path) : hasName(path) || (matchesOther?.test(path) ?? false));
}

function anyExpression(patterns: readonly IgnorePattern[]): RegExp {
  return new RegExp(patterns.map(({ expression }) => expression.source).join("|"), "u");
}

/** Whether a name of a path matches: folders by all patterns, the last name only by those that are not of folders. */
function anyName(patterns: readonly ComponentPattern[]): Matches {
  const isFolderName = oneOf(patterns);
  const isLastName = oneOf(patterns.filter(({ isFolder }) => !isFolder));
  // The paths of a folder are asked for one after another.
  let last = { folder: "", matches: false };
  return (path) => {
    const slash = path.lastIndexOf("/");
    if (isLastName(path.slice(slash + 1))) return true;
    if (slash < 0) return false;
    const folder = path.slice(0, slash);
    if (folder !== last.folder) last = { folder, matches: folder.split("/").some(isFolderName) };
    return last.matches;
  };
}

function oneOf(patterns: readonly ComponentPattern[]): Matches {
  const names = new Set(patterns.flatMap(({ name }) => (typeof name === "string" ? name : [])));
  const sources = patterns.flatMap(({ name }) => (typeof name === "string" ? [] : name.source));
  const expression = sources.length === 0 ? undefined : new RegExp(`^(?:${sources.join("|")})$`, "u");
  return (name) => names.has(name) || (expression?.test(name) ?? false);
}
